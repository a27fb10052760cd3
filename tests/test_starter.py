"""The starter: the project that it makes, made once and run once for all tests here."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from kedro.io import CatalogConfigResolver
from sklearn.datasets import load_breast_cancer

from kedro_vertexai import templates
from kedro_vertexai.starters import starters

QUIET = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}

# Kedro's command line in an interpreter that has never heard of us: neither our entry points
# nor our modules can be found.
KEDRO_WITHOUT_US = """
import importlib.metadata, sys
installed = importlib.metadata.distributions
importlib.metadata.distributions = lambda **kwargs: (
    found for found in installed(**kwargs) if found.name != "kedro-vertexai"
)
sys.modules["kedro_vertexai"] = None
from kedro.framework.cli import main
main()
"""

DESCRIBE_PIPELINES = """
import json
from pathlib import Path
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
print(json.dumps({
    name: [
        {"name": n.name, "function": n.func.__name__, "datasets": [*n.inputs, *n.outputs]}
        for n in pipeline.nodes
    ]
    for name, pipeline in pipelines.items()
}))
"""


def run(*command: str, cwd: Path) -> str:
    """Run a command in `cwd` and return what it prints; the test's output says what went wrong."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(*arguments: str, cwd: Path) -> str:
    return run(sys.executable, *arguments, cwd=cwd)


def create_project(folder: Path, name: str) -> Path:
    starter = templates.templates_dir() / "starter"
    python("-m", "kedro", "new", f"--starter={starter}", f"--name={name}", cwd=folder)
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_project(tmp_path_factory.mktemp("starter"), "Tumour Diagnosis")


@pytest.fixture(scope="module")
def pipelines(project: Path) -> dict[str, list[dict[str, Any]]]:
    # Kedro's log comes first.
    return json.loads(python("-c", DESCRIBE_PIPELINES, cwd=project).splitlines()[-1])


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    """The project after a `kedro run` without us."""
    python("-c", KEDRO_WITHOUT_US, "run", cwd=project)
    return project


def texts(project: Path) -> Iterator[str]:
    for folder in ("conf", "src", "tests"):
        for path in (project / folder).rglob("*.*"):
            if path.suffix in {".py", ".yml"}:
                yield path.read_text(encoding="utf-8")
    for name in ("pyproject.toml", "requirements.txt", "README.md", ".gitignore", ".dockerignore"):
        yield (project / name).read_text(encoding="utf-8")


def test_alias_leads_to_the_starter() -> None:
    (spec,) = starters
    assert spec.alias == "vertexai"
    assert (Path(spec.template_path) / "cookiecutter.json").is_file()


def test_templates_of_an_installed_package_lie_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "__file__", str(tmp_path / "kedro_vertexai" / "templates.py"))
    packaged = tmp_path / "kedro_vertexai" / "templates"
    packaged.mkdir(parents=True)
    assert templates.templates_dir() == packaged


def test_name_becomes_folder_and_package(tmp_path: Path) -> None:
    project = create_project(tmp_path, "My second_Project-2")
    assert project.name == "my-second-project-2"
    assert (project / "src" / "my_second_project_2" / "settings.py").is_file()


def test_nothing_of_the_template_is_left(project: Path) -> None:
    assert not [text for text in texts(project) if "cookiecutter" in text or "{{" in text]


def test_project_leaves_vertexai_yml_to_init(project: Path) -> None:
    assert not (project / "conf" / "base" / "vertexai.yml").exists()


def test_sources_are_clean(project: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    python("-m", "ruff", "check", "--no-cache", ".", cwd=project)
    python("-m", "ruff", "format", "--no-cache", "--check", ".", cwd=project)


def test_three_namespaced_pipelines(pipelines: dict[str, list[dict[str, Any]]]) -> None:
    assert set(pipelines) == {"__default__", "prepare", "train", "report"}
    for name in ("prepare", "train", "report"):
        assert {node["name"].split(".")[0] for node in pipelines[name]} == {name}
    assert len(pipelines["__default__"]) >= 12


def test_some_nodes_are_unnamed(pipelines: dict[str, list[dict[str, Any]]]) -> None:
    # Kedro names a node without a name after its function and a hash of what it reads and writes.
    names = [node["name"].split(".")[-1] for node in pipelines["__default__"]]
    functions = [node["function"] for node in pipelines["__default__"]]
    pairs = zip(names, functions, strict=True)
    unnamed = [name for name, function in pairs if name.startswith(f"{function}__")]
    assert 0 < len(unnamed) < len(names)


def test_data_lies_on_disk_and_in_memory_and_in_mlflow(
    project: Path, pipelines: dict[str, list[dict[str, Any]]]
) -> None:
    resolver = CatalogConfigResolver(
        yaml.safe_load((project / "conf" / "base" / "catalog.yml").read_text()),
        default_runtime_patterns={"{name}": {"type": "MemoryDataset"}},
    )
    names = {name for node in pipelines["__default__"] for name in node["datasets"]}
    entries = {name: resolver.resolve_pattern(name) for name in names if "params:" not in name}

    assert entries["logistic_model"]["type"] == "MemoryDataset"
    folders = {
        Path(entry["filepath"]).parent.name for entry in entries.values() if "filepath" in entry
    }
    assert {"01_raw", "02_intermediate", "05_model_input", "07_model_output"} <= folders
    types = [entry["type"].split(".") for entry in entries.values()]
    in_mlflow = {kind[2] for kind in types if kind[0] == "kedro_mlflow"}
    assert in_mlflow == {"artifacts", "metrics", "models"}


def test_parameters_are_nested_and_hold_lists_and_nulls(project: Path) -> None:
    train = yaml.safe_load((project / "conf/base/parameters_train.yml").read_text())["train"]
    assert train["forest"]["model"]["options"]["max_depth"] is None
    assert train["validation"]["metrics"] == ["accuracy", "roc_auc"]


def test_raw_file_is_the_data_of_scikit_learn(project: Path) -> None:
    table = pd.read_csv(project / "data" / "01_raw" / "measurements.csv")
    original = load_breast_cancer()
    diagnosis = original.target_names[original.target]
    assert (table.drop(columns="diagnosis").to_numpy() == original.data).all()
    assert (table["diagnosis"] == diagnosis).all()


@pytest.mark.slow
def test_run_compares_two_models(finished: Path) -> None:
    summary = json.loads((finished / "data" / "08_reporting" / "summary.json").read_text())
    assert set(summary["scores"]) == {"logistic", "forest"}
    assert min(scores["roc_auc"] for scores in summary["scores"].values()) > 0.98


@pytest.mark.slow
def test_run_draws_a_plot_that_depends_on_no_version(finished: Path) -> None:
    plot = (finished / "data" / "08_reporting" / "roc_curves.png").read_bytes()
    assert plot.startswith(b"\x89PNG")
    assert b"Matplotlib" not in plot


@pytest.mark.slow
def test_run_is_in_mlflow(finished: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tumour_diagnosis")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert {"best_score", "test.forest.recall", "validation.forest.accuracy"} <= set(
        run.data.metrics
    )
    assert len(client.get_metric_history(run.info.run_id, "validation.forest.accuracy")) == 5
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["summary.json"]
    assert len(run.outputs.model_outputs) == 1


@pytest.mark.slow
def test_run_leaves_nothing_that_git_would_keep(finished: Path) -> None:
    run("git", "init", "--quiet", cwd=finished)
    kept = run("git", "ls-files", "--others", "--exclude-standard", cwd=finished).split()
    data = [name for name in kept if name.startswith("data/") and not name.endswith(".gitkeep")]
    assert data == ["data/01_raw/README.md", "data/01_raw/measurements.csv"]
    assert not [name for name in kept if name.startswith("ml")]


@pytest.mark.slow
def test_own_tests_pass(project: Path) -> None:
    python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
