"""Credentials that a task writes for itself: `gcp_credentials` in credentials.yml."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import ACCOUNT, AUDIENCE
from token_service import MACHINE, TokenService

from kedro_vertexai.config import PluginConfig, parse_config
from kedro_vertexai.dynamic_config import materialise
from kedro_vertexai.errors import AuthError, ConfigError


def config(name: str, **params: str) -> PluginConfig:
    entry = {"cls": f"kedro_vertexai.auth.gcp.{name}", "params": params}
    run_config: dict[str, Any] = {"image": "demo", "dynamic_config_providers": [entry]}
    data = {"project_id": "p", "region": "r", "run_config": run_config}
    return parse_config(data, "vertexai.yml")


def test_oauth(google: TokenService, key_file: Callable[..., Path], tmp_path: Path) -> None:
    key_file()
    conf = tmp_path / "conf"
    (conf / "base").mkdir(parents=True)
    (conf / "base/credentials.yml").write_text("other: {user: me}\n", "utf-8")
    (path,) = materialise(config("MLFlowGoogleOAuthCredentialsProvider", client_id=AUDIENCE), conf)
    assert path == conf / "base/credentials.yml"
    assert yaml.safe_load(path.read_text("utf-8")) == {
        "other": {"user": "me"},
        "gcp_credentials": {"MLFLOW_TRACKING_TOKEN": google.issued[0]},
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_iam(google: TokenService, tmp_path: Path) -> None:
    google.is_machine = True
    google.impersonators[ACCOUNT] = {MACHINE}
    name = "MLFlowGoogleIAMCredentialsProvider"
    (path,) = materialise(config(name, client_id=AUDIENCE, service_account=ACCOUNT), tmp_path)
    written = yaml.safe_load(path.read_text("utf-8"))
    assert written == {"gcp_credentials": {"MLFLOW_TRACKING_TOKEN": google.issued[0]}}


def test_no_token_no_file(google: TokenService, tmp_path: Path) -> None:
    with pytest.raises(AuthError, match=AUDIENCE):
        materialise(config("MLFlowGoogleOAuthCredentialsProvider", client_id=AUDIENCE), tmp_path)
    assert not list(tmp_path.rglob("credentials.yml"))


def test_a_missing_parameter(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="service_account"):
        materialise(config("MLFlowGoogleIAMCredentialsProvider", client_id=AUDIENCE), tmp_path)
