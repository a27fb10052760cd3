"""`kedro vertexai compile`: a Kedro project becomes a pipeline spec."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp.components import load_component_from_file
from project_factory import IMAGE, MLFLOW, KedroProject
from spec_reader import checked, container, defaults, document, limits, parents, tasks

from kedro_vertexai.compiler import inputs_to_stage, notes_for_vertex, spec_for_vertex

NewProject = Callable[..., KedroProject]

# Two pipelines in two namespaces; the second reads what the first writes.
NODES = """
prepare = Pipeline(
    [
        node(first, "raw", "clean", name="clean", tags=["cheap"]),
        node(first, ["clean", "params:options.size"], "features", name="featurize", tags=["big"]),
    ],
    namespace="prepare",
    prefix_datasets_with_namespace=False,
    inputs="raw",
    parameters="params:options.size",
)
train = Pipeline(
    [
        node(first, ["features", "params:options"], "model", name="fit", tags=["big"]),
        node(first, ["model", "params:name"], "report", name="report", tags=["cheap"]),
    ],
    namespace="train",
    prefix_datasets_with_namespace=False,
    inputs="features",
    parameters=["params:options", "params:name"],
)
PIPELINES = {"__default__": prepare + train, "prepare": prepare, "train": train}
"""
PARAMETERS = {"options": {"size": 3, "rate": 0.5, "tags": ["a"]}, "name": "first"}
CATALOG = {"raw": {"type": "pickle.PickleDataset", "filepath": "data/raw.pkl"}}
REGISTERS_OC_ENV = """
from omegaconf.resolvers import oc
CONFIG_LOADER_ARGS = {"custom_resolvers": {"oc.env": oc.env}}
"""
ALL = ["prepare.clean", "prepare.featurize", "train.fit", "train.report"]


@pytest.fixture
def shop(new_project: NewProject) -> KedroProject:
    return new_project(
        package="shop",
        nodes=NODES,
        parameters=PARAMETERS,
        catalog=CATALOG,
        mlflow=MLFLOW,
        files={"data/raw.pkl": "raw", "conf/prod/parameters.yml": "name: productive\n"},
    )


def compiled(project: KedroProject, *arguments: str) -> dict[str, Any]:
    """The spec that the command writes, in this process."""
    result = project.invoke("compile", *arguments)
    assert result.exit_code == 0, result.output
    spec = yaml.safe_load((project.path / "pipeline.yaml").read_text(encoding="utf-8"))
    return checked(spec)


def nodes(spec: dict[str, Any]) -> list[str]:
    return [
        node
        for name, task in tasks(spec).items()
        if "kedro__task" in task.get("inputs", {}).get("parameters", {})
        for node in document(spec, name)["nodes"]
    ]


def test_the_command_writes_a_spec_and_says_where(shop: KedroProject) -> None:
    done = shop.kedro("vertexai", "compile", env={"PYTHONHASHSEED": "1"})
    assert done.returncode == 0, done.stderr
    assert "shop: 4 tasks written to pipeline.yaml" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    written = shop.path / "pipeline.yaml"
    assert nodes(checked(yaml.safe_load(written.read_text(encoding="utf-8")))) == ALL
    assert load_component_from_file(str(written)).name == "shop"
    # The same project, the same bytes: whatever the hash seed, and in this process too.
    shop.kedro("vertexai", "compile", "-o", "again.yaml", env={"PYTHONHASHSEED": "2"})
    shop.invoke("compile", "-o", "here.yaml")
    for other in ("again.yaml", "here.yaml"):
        assert (shop.path / other).read_bytes() == written.read_bytes()


def test_vertex_ais_own_client_takes_the_file(shop: KedroProject) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.aiplatform import PipelineJob

    for output in ("pipeline.yaml", "pipeline.json"):
        assert shop.invoke("compile", "-o", output).exit_code == 0
        job = PipelineJob(
            display_name="shop",
            template_path=str(shop.path / output),
            parameter_values={"name": "other"},
            project="my-project",
            location="europe-west1",
            credentials=AnonymousCredentials(),
        )
        assert job.pipeline_spec["pipelineInfo"]["name"] == "shop"


PROBE = """
import runpy, sys
sys.argv = ["kedro", "vertexai", "compile"]
try:
    runpy.run_module("kedro", run_name="__main__")
except SystemExit as exit:
    assert not exit.code, exit.code
clients = ("google.auth", "google.cloud.aiplatform", "google.cloud.storage", "docker")
heavy = ("mlflow", "kedro_mlflow", "kfp", *clients)
print("LOADED", sorted(name for name in sys.modules if name.startswith(heavy)))
"""
# Neither a user's own credentials, nor a network, nor Docker: all that would find them is gone.
ALONE = {
    "HOME": "/nonexistent",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent",
    "DOCKER_HOST": "unix:///nonexistent",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
}


def test_compiling_needs_no_credentials_and_loads_no_client(shop: KedroProject) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=shop.path,
        env={**os.environ, **ALONE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize("path", ["x.json", "out/of/here.yaml", "out/x.yml"])
def test_the_output_is_written_where_asked(shop: KedroProject, path: str) -> None:
    assert shop.invoke("compile", "-o", path).exit_code == 0
    text = (shop.path / path).read_text(encoding="utf-8")
    assert text.startswith("{") == path.endswith(".json")
    checked(json.loads(text) if path.endswith(".json") else yaml.safe_load(text))


def test_an_older_output_is_replaced_and_keeps_the_usual_permissions(shop: KedroProject) -> None:
    (shop.path / "pipeline.yaml").write_text("old")
    compiled(shop)
    assert [file.name for file in shop.path.glob("*pipeline.yaml*")] == ["pipeline.yaml"]
    ordinary = shop.path / "ordinary"
    ordinary.touch()
    assert (shop.path / "pipeline.yaml").stat().st_mode == ordinary.stat().st_mode


def test_a_registered_pipeline_can_be_chosen(shop: KedroProject) -> None:
    spec = compiled(shop, "-p", "prepare")
    assert nodes(spec) == ALL[:2]
    assert spec["pipelineInfo"]["name"] == "shop-prepare"
    assert container(spec, "prepare-clean")["args"][3:5] == ["--pipeline", "prepare"]


def test_the_image_can_be_chosen(shop: KedroProject) -> None:
    assert container(compiled(shop), "train-fit")["image"] == IMAGE
    assert container(compiled(shop, "--image", "other:1"), "train-fit")["image"] == "other:1"
    assert container(compiled(shop, "-i", "other:2"), "mlflow-start-run")["image"] == "other:2"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--tags", "cheap"], [ALL[0], ALL[3]]),
        (["--tags", "cheap,big"], ALL),
        (["-t", "big"], [ALL[1], ALL[2]]),
        (["--nodes", "train.fit"], [ALL[2]]),
        (["-n", "train.fit,train.report"], ALL[2:]),
        (["--from-nodes", "prepare.featurize"], ALL[1:]),
        (["--to-nodes", "prepare.featurize"], ALL[:2]),
        (["--from-nodes", "prepare.featurize", "--to-nodes", "train.fit"], ALL[1:3]),
        (["--from-inputs", "features"], ALL[2:]),
        (["--to-outputs", "features"], ALL[:2]),
        (["--namespaces", "train"], ALL[2:]),
        (["-ns", "train,prepare"], ALL),
        (["--tags", "big", "--namespaces", "train"], [ALL[2]]),
    ],
    ids=" ".join,
)
def test_the_filters_are_those_of_kedro_run(
    new_project: NewProject, filters: list[str], expected: list[str]
) -> None:
    # What a filter leaves without a producer must be in the catalog, as for `kedro run`.
    names = ("raw", "clean", "features", "model")
    entries = {name: {"type": "pickle.PickleDataset", "filepath": f"{name}.pkl"} for name in names}
    project = new_project(
        nodes=NODES, parameters=PARAMETERS, catalog=entries, files={"model.pkl": "model"}
    )
    assert nodes(compiled(project, *filters)) == expected


def test_an_input_that_is_not_there_is_left_to_the_image_and_said(new_project: NewProject) -> None:
    project = new_project(nodes=NODES, parameters=PARAMETERS, catalog=CATALOG)
    result = project.invoke("compile")
    assert result.exit_code == 0
    assert "Warning: dataset 'raw' has nothing at data/raw.pkl" in result.stderr
    assert "input-raw" not in tasks(compiled(project))


def test_the_environment_is_that_of_the_group(shop: KedroProject) -> None:
    assert shop.invoke("-e", "prod", "compile").exit_code == 0
    spec = yaml.safe_load((shop.path / "pipeline.yaml").read_text())
    assert defaults(spec)["name"] == "productive"
    assert container(spec, "train-fit")["args"][1:3] == ["--env", "prod"]


def test_kedro_env_is_honoured_and_the_option_beats_it(
    shop: KedroProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert defaults(compiled(shop))["name"] == "first"
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert defaults(compiled(shop))["name"] == "productive"
    shop.invoke("-e", "local", "compile", "-o", "local.yaml")
    assert defaults(yaml.safe_load((shop.path / "local.yaml").read_text()))["name"] == "first"


def test_vertexai_yml_of_the_environment_completes_that_of_base(new_project: NewProject) -> None:
    other = {"project_id": "p", "region": "r", "run_config": {"image": "prod:1"}}
    project = new_project(files={"conf/prod/vertexai.yml": yaml.safe_dump(other)})
    assert container(project.spec(env="prod"), "start")["image"] == "prod:1"
    assert container(project.spec(), "start")["image"] == IMAGE


def test_parameters_become_the_new_defaults(shop: KedroProject) -> None:
    spec = compiled(shop, "--params", "name=it's $(x)", "--param", "options.size=7")
    assert defaults(spec)["name"] == "it's $(x)"
    assert json.loads(defaults(spec)["options"]) == {"size": 7, "rate": 0.5, "tags": ["a"]}


def test_a_file_of_parameters_and_pairs_that_beat_it(shop: KedroProject) -> None:
    (shop.path / "p.yml").write_text("name: file\noptions: {size: 5, rate: 1}\n")
    spec = compiled(shop, "--params-file", "p.yml", "--params", "options.size=6")
    assert defaults(spec)["name"] == "file"
    assert json.loads(defaults(spec)["options"]) == {"size": 6, "rate": 1, "tags": ["a"]}


def test_the_peers_declaration_of_types_is_taken(shop: KedroProject) -> None:
    spec = compiled(shop, "-p", "prepare", "--params", "options.size:float,options.size:int")
    definitions = spec["root"]["inputDefinitions"]["parameters"]
    assert definitions["options_size"]["parameterType"] == "NUMBER_INTEGER"


def test_keys_that_are_no_names_stay_where_they_are(new_project: NewProject) -> None:
    project = new_project(
        nodes="""
        READ = ["params:a.b", "params:1", "params:days", "parameters"]
        NODES = [node(first, READ, "out", name="a")]
        """,
        parameters="a.b: 1\n1: one\ndays: {2026-01-01: holiday, 1.5: half, true: yes}\n",
    )
    spec = compiled(project)
    assert defaults(spec) == {"a_b": 1, "runtime_params": "{}"}
    assert document(spec, "a")["parameters"]["a_b"] == {"type": "integer", "path": ["a.b"]}


def test_names_that_only_a_resolver_reads_are_taken(new_project: NewProject) -> None:
    project = new_project(
        nodes='NODES = [node(first, "in", "out", name="a")]',
        catalog="""
        in:
          type: pickle.PickleDataset
          filepath: gs://bucket/${runtime_params:day}/x.pkl
        """,
    )
    spec = compiled(project, "--params", "day=2026-01-02")
    assert json.loads(defaults(spec)["runtime_params"]) == {"day": "2026-01-02"}


def test_mlflow_yml_may_read_runtime_parameters_too(new_project: NewProject) -> None:
    experiment = {"tracking": {"experiment": {"name": "${runtime_params:experiment, mine}"}}}
    project = new_project(mlflow={**MLFLOW, **experiment})
    spec = compiled(project, "--params", "experiment=theirs")
    assert json.loads(defaults(spec)["runtime_params"]) == {"experiment": "theirs"}
    assert "mlflow-start-run" in tasks(spec)


def test_configuration_by_node_tag_and_default(new_project: NewProject) -> None:
    project = new_project(
        nodes=NODES,
        parameters=PARAMETERS,
        catalog=CATALOG,
        files={"data/raw.pkl": ""},
        vertexai=f"""
        project_id: my-project
        region: europe-west1
        run_config:
          image: {IMAGE}
          root: bucket/runs
          resources:
            __default__: {{cpu: 1, memory: 2Gi}}
            big: {{cpu: 4}}
            train.fit: {{cpu: 8, gpu: 1}}
            prepare-clean: {{memory: 4Gi}}
          node_selectors:
            train.fit: {{cloud.google.com/gke-accelerator: NVIDIA_TESLA_T4}}
          retries:
            cheap: 2
        """,
    )
    spec = project.spec()
    gigabytes = 1024**3 / 1e9
    assert limits(spec, "prepare-clean") == {"cpuLimit": 1, "memoryLimit": 4 * gigabytes}
    assert limits(spec, "prepare-featurize") == {"cpuLimit": 4, "memoryLimit": 2 * gigabytes}
    assert limits(spec, "train-fit") == {
        "cpuLimit": 8,
        "memoryLimit": 2 * gigabytes,
        "accelerator": "NVIDIA_TESLA_T4",
        "count": "1",
    }
    retried = [name for name, task in tasks(spec).items() if "retryPolicy" in task]
    assert retried == ["prepare-clean", "train-report"]


def test_nodes_can_be_grouped_by_tag(new_project: NewProject) -> None:
    project = new_project(
        nodes="""
        NODES = [
            node(first, "params:start", "a", name="a", tags="group.both"),
            node(first, "a", "b", name="b", tags="group.both"),
            node(first, "b", "c", name="c"),
        ]
        """,
        parameters={"start": 1},
        run_config={"grouping": {"cls": "kedro_vertexai.grouping.TagNodeGrouper"}},
    )
    spec = project.spec()
    assert nodes(spec) == ["a", "b", "c"]
    assert parents(spec, "c") == {"both"}


def test_a_grouper_of_the_users_sees_the_project(new_project: NewProject) -> None:
    grouper = """
from kedro_vertexai.grouping import Grouping, NodeGrouper

class OneTask(NodeGrouper):
    def __init__(self, context, name):
        super().__init__(context)
        self.name = f"{name}-{context.project_path.name}-{context.env}"

    def group(self, node_dependencies):
        return Grouping({self.name: set(node_dependencies)}, {self.name: set()})
"""
    project = new_project(
        directory="mine",
        package="grouped",
        run_config={"grouping": {"cls": "grouped.grouper.OneTask", "params": {"name": "all"}}},
        files={"src/grouped/grouper.py": grouper},
    )
    assert list(tasks(project.spec())) == ["all-mine-local"]


@pytest.mark.parametrize(
    "settings",
    ["", REGISTERS_OC_ENV],
    ids=["plain", "registered"],
)
def test_an_environment_variable_can_name_the_image(
    new_project: NewProject, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    monkeypatch.setenv("KEDRO_CONFIG_COMMIT_ID", "abc")
    image = "image:${oc.env:KEDRO_CONFIG_COMMIT_ID}"
    project = new_project(settings=settings, run_config={"image": image})
    assert container(project.spec(), "start")["image"] == "image:abc"


def test_keys_that_no_command_acts_on_are_said(new_project: NewProject) -> None:
    project = new_project(run_config={"ttl": 604800, "volume": "x"})
    result = project.invoke("compile")
    assert result.exit_code == 0
    assert "Warning: run_config.ttl has no effect" in result.stderr
    assert "Warning: run_config.volume has no effect" in result.stderr


@pytest.mark.parametrize("size", [200_000, 2_000_000])
def test_large_parameters_are_in_the_spec_once_at_most(new_project: NewProject, size: int) -> None:
    project = new_project(
        nodes="""
        NODES = [node(first, "params:big", f"out{n}", name=f"n{n}") for n in range(100)]
        """,
        parameters=f"big: [{', '.join(['x' * 1000] * (size // 1000))}]\n",
    )
    whole = project.compile()
    assert [len(staged.content or b"") > size for staged in whole.plan.staged] == [True]
    assert len(json.dumps(checked(spec_for_vertex(whole)))) < 200_000


def test_the_command_works_from_a_folder_of_the_project(shop: KedroProject) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "vertexai", "compile", "-o", "x.yaml"],
        cwd=shop.path / "conf",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(shop.path, "conf", "x.yaml").exists()


def test_a_name_that_looks_like_a_slip_is_said(new_project: NewProject) -> None:
    project = new_project(run_config={"resources": {"traim": {"cpu": 8}, "elsewhere": {"cpu": 8}}})
    names = project.compile().plan.tasks[0].nodes
    project = new_project(run_config={"resources": {f"{names[0]}x_": {"cpu": 8}}})
    (note,) = project.compile().notes
    assert f"did you mean '{names[0]}'?" in note


def test_a_store_on_the_machine_is_said(new_project: NewProject) -> None:
    notes = notes_for_vertex(new_project(mlflow=MLFLOW).compile())
    assert any("records runs at sqlite:///" in note for note in notes)


def test_inputs_to_upload_are_listed(new_project: NewProject) -> None:
    catalog = {"raw": {"type": "pandas.CSVDataset", "filepath": "data/raw.csv"}}
    project = new_project(
        nodes='NODES = [node(first, "raw", "x", name="start")]',
        catalog=catalog,
        files={"data/raw.csv": "1,2\n"},
    )
    compiled = project.compile()
    (staged,) = compiled.plan.staged
    place = f"gs://my-bucket/runs/inputs/{staged.digest}/raw.csv"
    assert inputs_to_stage(compiled) == [f"raw: data/raw.csv, 4 bytes, to {place}"]
