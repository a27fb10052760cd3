"""`HOOKS = (MLFlowRequestHeaderProviderHook(Mine),)` and MLflow's entry point."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from project_factory import VERTEXAI, KedroProject
from signed_server import SignedServer

from kedro_vertexai.auth import provider_params
from kedro_vertexai.auth.gcp import MLFlowGoogleIAMRequestHeaderProvider
from kedro_vertexai.auth.mlflow_request_header_provider import (
    DynamicMLFlowRequestHeaderProvider,
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.auth.mlflow_request_header_provider_hook import (
    MLFlowRequestHeaderProviderHook,
)
from kedro_vertexai.errors import AuthError, ConfigError

Register = Callable[[Callable[[], Any]], Any]
MODULE = "kedro_vertexai.auth.mlflow_request_header_provider"


class ByContext(RequestHeaderProviderWithKedroContext):
    def request_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.kedro_context}"}


def test_hook_configures_the_one_provider(
    client: Any, server: SignedServer, register: Register
) -> None:
    server.plain = {"Bearer first", "Bearer second", None}
    register(DynamicMLFlowRequestHeaderProvider)
    provider_params.give({})
    hook = MLFlowRequestHeaderProviderHook(ByContext)
    client.get_experiment_by_name("signed")
    for context in ("first", "second"):
        hook.after_context_created(context)
        client.get_experiment_by_name("signed")
    assert [header for _, header in server.seen] == [None, "Bearer first", "Bearer second"]


def test_hook_comes_before_kedro_mlflow() -> None:
    """Which asks the server for the experiment as soon as there is a context."""
    import pluggy
    from kedro.framework.hooks import hook_impl
    from kedro.framework.hooks.manager import _create_hook_manager

    class Tracking:
        @hook_impl
        def after_context_created(self) -> None:
            told.append(DynamicMLFlowRequestHeaderProvider().request_headers())

    told: list[Any] = []
    provider_params.give({})
    manager: pluggy.PluginManager = _create_hook_manager()
    manager.register(MLFlowRequestHeaderProviderHook(ByContext))
    # Kedro registers plugins after a project's own hooks, and the last is called first.
    manager.register(Tracking())
    manager.hook.after_context_created(context="first")
    assert told == [{"Authorization": "Bearer first"}]


def test_the_same_class_in_mlflow_yml_too(
    client: Any, server: SignedServer, register: Register
) -> None:
    server.plain = {"Bearer first"}
    register(DynamicMLFlowRequestHeaderProvider)
    provider_params.give({})
    MLFlowRequestHeaderProviderHook(ByContext).after_context_created("first")
    register(lambda: ByContext("first"))
    client.get_experiment_by_name("signed")
    assert server.refused == []


def test_there_is_one() -> None:
    one = DynamicMLFlowRequestHeaderProvider()
    assert DynamicMLFlowRequestHeaderProvider() is one
    assert not one.in_context()
    assert one.request_headers() == {}


def test_a_provider_of_mlflow_s_own_kind_is_guarded() -> None:
    class Plain:
        def in_context(self) -> bool:
            return True

        def request_headers(self) -> dict[str, str]:
            raise RuntimeError("sealed")

    one = DynamicMLFlowRequestHeaderProvider()
    one.configure(Plain())  # type: ignore[arg-type]
    assert one.in_context()
    with pytest.raises(AuthError, match=r"Plain cannot sign .* RuntimeError: sealed"):
        str(one.request_headers()["Authorization"])


@pytest.mark.parametrize("wrong", [dict, ByContext("x"), "ByContext"])
def test_hook_takes_providers_only(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="RequestHeaderProviderWithKedroContext"):
        MLFlowRequestHeaderProviderHook(wrong)


class TestParameters:
    """Those of vertexai.yml; a provider needs its own."""

    hook = MLFlowRequestHeaderProviderHook(MLFlowGoogleIAMRequestHeaderProvider)
    params: ClassVar[dict[str, str]] = {"client_id": "1", "service_account": "a@b"}

    def context(self, project: KedroProject) -> Any:
        project.bootstrap()
        return SimpleNamespace(project_path=project.path, env=None)

    def test_without_any(self, new_project: Callable[..., KedroProject]) -> None:
        for vertexai in (VERTEXAI, None):
            context = self.context(new_project(vertexai=vertexai))
            with pytest.raises(ConfigError, match=r"request_header_provider_params in vertexai"):
                self.hook.after_context_created(context)

    def test_those_of_vertexai_yml(self, new_project: Callable[..., KedroProject]) -> None:
        mlflow = {"request_header_provider_params": self.params}
        self.hook.after_context_created(self.context(new_project(run_config={"mlflow": mlflow})))
        provider: Any = DynamicMLFlowRequestHeaderProvider().provider
        assert provider.params == self.params

    def test_those_of_a_compiled_pipeline_come_first(
        self, new_project: Callable[..., KedroProject]
    ) -> None:
        provider_params.give(self.params)
        mlflow = {"request_header_provider_params": {"client_id": "2"}}
        self.hook.after_context_created(self.context(new_project(run_config={"mlflow": mlflow})))
        provider: Any = DynamicMLFlowRequestHeaderProvider().provider
        assert provider.params == self.params


def test_two_providers_of_one_context_would_both_sign() -> None:
    provider_params.give({})
    one = DynamicMLFlowRequestHeaderProvider()
    one.configure(ByContext("first"))
    one.configure(ByContext("second"))
    with pytest.raises(ConfigError, match="ByContext and ByContext would both sign"):
        one.configure(ByContext(one.provider.kedro_context))  # type: ignore[union-attr]


def run(code: str, *path: Path) -> str:
    lines = [f"import sys; sys.path[:0] = {[str(entry) for entry in path]}", code]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_import_without_mlflow() -> None:
    assert run(
        f"sys.modules['mlflow'] = None\n"
        f"from {MODULE} import RequestHeaderProviderWithKedroContext as Base\n"
        f"import {MODULE}_hook, kedro_vertexai.auth.gcp\n"
        "class Mine(Base):\n"
        "    def request_headers(self): return {}\n"
        "assert Mine(None).in_context()\n"
        "heavy = {'kfp', 'google.auth', 'google.oauth2', 'requests'} & set(sys.modules)\n"
        "print(heavy or 'light')"
    ).endswith("light\n")


def test_mlflow_makes_it_from_its_entry_point(tmp_path: Path) -> None:
    """While MLflow is itself being imported."""
    metadata = tmp_path / "entry_point_only-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: entry-point-only\nVersion: 1\n", "utf-8")
    (metadata / "entry_points.txt").write_text(
        f"[mlflow.request_header_provider]\nonly = {MODULE}:DynamicMLFlowRequestHeaderProvider\n",
        "utf-8",
    )
    printed = run(
        "from mlflow.tracking.request_header import registry\n"
        f"from {MODULE} import DynamicMLFlowRequestHeaderProvider as ours\n"
        "from mlflow.tracking.request_header.abstract_request_header_provider import *\n"
        "assert ours() in registry._request_header_provider_registry\n"
        "assert registry.RequestHeaderProviderRegistry and ours.__mro__[1] is not object\n"
        "assert 'Authorization' not in registry.resolve_request_headers()\n"
        "print('made')",
        tmp_path,
    )
    assert "Failure attempting to register" not in printed
    assert "made" in printed
