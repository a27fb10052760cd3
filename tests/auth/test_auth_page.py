"""The examples of docs/auth.md: kedro-mlflow takes them, and the classes are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.utils import load_obj
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "auth.md").read_text("utf-8")
EXAMPLES: list[Any] = [
    yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.+?)^```", PAGE, re.M | re.S)
]

CONFIGURATION = [entry for entry in EXAMPLES if "run_config" in entry]


@pytest.mark.parametrize("example", [entry for entry in EXAMPLES if "server" in entry])
def test_mlflow_yml(example: Any) -> None:
    options = KedroMlflowConfig.model_validate(example).server.request_header_provider
    if options.type and options.type.startswith("kedro_vertexai."):
        provider = load_obj(options.type)(kedro_context=object(), **options.init_kwargs)
        assert isinstance(provider, RequestHeaderProviderWithKedroContext)
        assert provider.in_context()


def test_there_are_examples_of_every_kind() -> None:
    told = [entry["run_config"].get("authentication", {}) for entry in CONFIGURATION]
    kinds = {(entry.get("type"), entry.get("secrets", {}).get("backend")) for entry in told}
    assert kinds == {
        (None, None),
        ("GoogleOAuth2", None),
        ("Vars", "google-secret-manager"),
        ("Vars", "vault"),
        ("Vars", "my_project.secrets.Keyring"),
        ("my_project.auth.TeamLogin", None),
    }
    for name in ("IAMRequestHeaderProvider", "OauthRequestHeaderProvider"):
        assert f"kedro_vertexai.auth.gcp.MLFlowGoogle{name}" in PAGE
