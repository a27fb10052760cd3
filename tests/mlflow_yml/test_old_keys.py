"""Older layouts of mlflow.yml, which kedro-mlflow 2 refuses: compiling names the new keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from project_factory import MLFLOW, KedroProject

from kedro_vertexai.errors import ProjectError
from kedro_vertexai.mlflow_keys import check_mlflow_keys

NewProject = Callable[..., KedroProject]
NODE_HOOK = {
    "flatten_dict_params": False,
    "recursive": True,
    "sep": ".",
    "long_parameters_strategy": "tag",
}


def of(path: str, value: Any) -> dict[str, Any]:
    """The nested keys of a dotted path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    ("old", "value", "said"),
    [
        ("mlflow_tracking_uri", "mlruns", "server.mlflow_tracking_uri"),
        ("credentials", "mlflow", "server.credentials"),
        ("disable_tracking", {"pipelines": []}, "tracking.disable_tracking"),
        ("experiment", {"name": "x"}, "tracking.experiment"),
        ("run", {"id": None}, "tracking.run"),
        ("hooks.node.sep", ".", "tracking.params.dict_params.sep"),
        ("hooks.node.flatten_dict_params", True, "tracking.params.dict_params.flatten"),
        ("hooks.node.long_parameters_strategy", "tag", "tracking.params.long_params_strategy"),
        ("hooks.flatten_dict_params", True, "tracking.params.dict_params.flatten"),
        ("hooks", {}, "tracking.params"),
        (
            "tracking.params.long_parameters_strategy",
            "tag",
            "tracking.params.long_params_strategy",
        ),
        ("tracking.experiment.create", True, "always created"),
        ("server.stores_environment_variables", {}, "server.credentials"),
        ("ui.port", 5000, '"5000"'),
        ("ui.port", None, "leave it out"),
        ("ui.host", None, "leave it out"),
        ("server.request_header_provider.init_kwargs", {"my_kwarg": 1}, '"1"'),
        ("server.request_header_provider", None, "leave it out"),
        ("tracking.run", None, "leave it out"),
    ],
)
def test_kedro_mlflow_refuses_it_and_we_say_what_to_write(old: str, value: Any, said: str) -> None:
    config = of(old, value)
    with pytest.raises(ProjectError) as refused:
        check_mlflow_keys(config)
    text = str(refused.value)
    assert said in text
    assert f"'{old}" in text
    assert "\n" not in text
    assert refused_by_kedro_mlflow(config)


def test_the_key_is_named_not_only_its_section() -> None:
    with pytest.raises(ProjectError, match=r"hooks\.node\.flatten_dict_params"):
        check_mlflow_keys({"hooks": {"node": NODE_HOOK}})


def test_compiling_says_it_in_one_line(new_project: NewProject) -> None:
    result = new_project(mlflow={**MLFLOW, "ui": {"port": 5000}}).invoke("compile")
    assert result.exit_code == 1
    assert "mlflow.yml: 'ui.port' must be text" in result.output
    assert "Traceback" not in result.output


def test_the_template_of_kedro_mlflow_2_is_taken_as_it_is() -> None:
    from importlib.util import find_spec
    from pathlib import Path

    import yaml

    spec = find_spec("kedro_mlflow")
    assert spec
    assert spec.origin
    template = Path(spec.origin).parent / "template" / "project" / "mlflow.yml"
    text = template.read_text(encoding="utf-8").replace("{{ python_package }}", "shop")
    check_mlflow_keys(yaml.safe_load(text))


@pytest.mark.parametrize("config", [None, {}, {"server": None, "tracking": None}])
def test_a_file_that_says_nothing_is_taken(config: Any) -> None:
    check_mlflow_keys(config)


def refused_by_kedro_mlflow(config: dict[str, Any]) -> bool:
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
    from pydantic import ValidationError

    try:
        KedroMlflowConfig.model_validate(config)
    except ValidationError:
        return True
    return False
