"""A mistake of the user's: one line that says what is wrong, exit code 1, nothing half-written."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from project_factory import IMAGE, ONE_NODE, KedroProject

NewProject = Callable[..., KedroProject]

TOP = {"project_id": "p", "region": "r"}
BAD_PIPELINES = {
    "src/broken/pipelines/__init__.py": "",
    "src/broken/pipelines/good/__init__.py": (
        "from kedro.pipeline import Pipeline, node\n"
        "def create_pipeline():\n"
        "    return Pipeline([node(print, 'params:start', 'x', name='good')])\n"
    ),
    "src/broken/pipelines/bad/__init__.py": "import a_module_that_is_not_installed\n",
}
FIND = """
from kedro.framework.project import find_pipelines

def register_pipelines():
    pipelines = find_pipelines({})
    pipelines["__default__"] = sum(pipelines.values())
    return pipelines
"""


def refused(project: KedroProject, *arguments: str) -> str:
    """The one line with which a command ends; the project is as it was."""
    before = project.files()
    result = project.invoke(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert [line for line in lines if line.startswith("Error: ")] == lines
    assert len(lines) == 1
    assert project.files() == before
    return lines[0].removeprefix("Error: ")


def with_run_config(**run_config: Any) -> dict[str, Any]:
    return {"vertexai": {**TOP, "run_config": {"image": IMAGE, "root": "bucket/r", **run_config}}}


def grouped_by(answer: str) -> dict[str, Any]:
    """A project with a grouper of its own, whose method does this."""
    source = f"""
from kedro_vertexai.grouping import Grouping, NodeGrouper

class G(NodeGrouper):
    def group(self, dependencies):
        {answer}
"""
    return {
        "package": "grouped",
        "files": {"src/grouped/grouper.py": source},
        **with_run_config(grouping={"cls": "grouped.grouper.G"}),
    }


NODE = 'NODES = [node(first, "{}", "out", name="a")]'
PROJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "no vertexai.yml": (
        {"vertexai": None},
        "no vertexai.yml in conf/base or conf/local: run `kedro vertexai init",
    ),
    "vertexai.yml that is a list": ({"vertexai": "- a\n- b\n"}, "vertexai.yml"),
    "vertexai.yml that is no YAML": (
        {"vertexai": "project_id: [\n"},
        "vertexai.yml cannot be read",
    ),
    "an environment variable that is not set": (
        with_run_config(image="image:${oc.env:COMMIT}"),
        "Environment variable 'COMMIT' not found",
    ),
    "vertexai.yml with an interpolation of nothing": (
        {"vertexai": "project_id: ${nothing}\n"},
        "'nothing' not found",
    ),
    "a misspelt key": (
        with_run_config(resorces={}),
        "conf/base/vertexai.yml: run_config.resorces: unknown key, did you mean 'resources'?",
    ),
    "a key in the wrong place": (
        {"vertexai": {**TOP, "image": "x", "run_config": {"image": IMAGE}}},
        "image: unknown key, it belongs under run_config",
    ),
    "run_config that is text": (
        {"vertexai": {**TOP, "run_config": "x"}},
        "run_config: expected a mapping, got text",
    ),
    "a missing root, with inputs to stage": (
        {
            "vertexai": {**TOP, "run_config": {"image": IMAGE}},
            "nodes": NODE.format("raw"),
            "catalog": {"raw": {"type": "pickle.PickleDataset", "filepath": "raw.pkl"}},
            "files": {"raw.pkl": ""},
        },
        "run_config.root is not set, and inputs must be staged: raw",
    ),
    "two tags that disagree": (
        {
            "nodes": ONE_NODE.replace('name="start"', 'name="start", tags=["a", "b"]'),
            "parameters": {"start": 1},
            **with_run_config(resources={"a": {"cpu": 1}, "b": {"cpu": 2}}),
        },
        "tag 'a' says 1, tag 'b' says 2",
    ),
    "accelerators of no type": (
        with_run_config(resources={"start": {"gpu": 1}}),
        "run_config.node_selectors",
    ),
    "a grouper that is not there": (
        with_run_config(grouping={"cls": "nowhere.Grouper"}),
        "run_config.grouping.cls: 'nowhere.Grouper' cannot be imported",
    ),
    "a grouper with other parameters": (
        with_run_config(
            grouping={"cls": "kedro_vertexai.grouping.TagNodeGrouper", "params": {"prefix": "x"}}
        ),
        "run_config.grouping.params",
    ),
    "a grouper that fails": (grouped_by("raise KeyError('x')"), "grouper.G failed with KeyError"),
    "a grouper that says nothing": (grouped_by("pass"), "grouper.G returned NoneType, not a "),
    "a grouper with numbers for names": (
        grouped_by("return Grouping({1: set(dependencies)})"),
        "names a group 1, which is no text",
    ),
    "a grouper that forgets nodes": (grouped_by("return Grouping()"), "'start' into no group"),
    "what is no pipeline": (
        {"nodes": "PIPELINES = {'__default__': 3}"},
        "pipeline '__default__' is registered as int, not as a Kedro Pipeline",
    ),
    "no pipelines": ({"nodes": "PIPELINES = None"}, "pipelines cannot be loaded"),
    "an empty pipeline": ({"nodes": "NODES = []"}, "pipeline '__default__' has no nodes to run"),
    "an empty pipeline beside another": (
        {"nodes": f"{ONE_NODE}\nPIPELINES = {{'__default__': Pipeline([]), 'a': Pipeline(NODES)}}"},
        "has no nodes to run (pipelines with nodes: a)",
    ),
    "no __default__ pipeline": (
        {"nodes": f"{ONE_NODE}\nPIPELINES = {{'a': Pipeline(NODES)}}"},
        "no pipeline named '__default__' (registered: a)",
    ),
    "nodes that cannot be imported": (
        {"nodes": "import a_module_that_is_not_installed"},
        "No module named 'a_module_that_is_not_installed'",
    ),
    "nodes that are not Python": ({"nodes": "NODES = ["}, "SyntaxError"),
    "nodes that raise": ({"nodes": "raise RuntimeError('two\\nlines')"}, "RuntimeError: two lines"),
    "nodes that exit": ({"nodes": "raise SystemExit(3)"}, "pipelines cannot be loaded"),
    "two nodes of one name": (
        {"nodes": f"{ONE_NODE}\nNODES = NODES + [node(first, None, 'x', name='start')]"},
        "start",
    ),
    "a pipeline of which a module cannot be imported": (
        {
            "package": "broken",
            "files": {
                **BAD_PIPELINES,
                "src/broken/pipeline_registry.py": FIND.replace("({})", "()"),
            },
        },
        "broken.pipelines.bad fails to import: ModuleNotFoundError: No module named 'a_mod",
    ),
    "the same where Kedro is told to raise": (
        {
            "package": "broken",
            "files": {
                **BAD_PIPELINES,
                "src/broken/pipeline_registry.py": FIND.replace("({})", "(raise_errors=True)"),
            },
        },
        "a_module_that_is_not_installed",
    ),
    "settings that cannot be imported": ({"settings": "import nothing_of_that_name"}, "nothing_of"),
    "settings of a loader that is none": (
        {"settings": "CONFIG_LOADER_ARGS = {'nonsense': 1}"},
        "settings.py cannot be used",
    ),
    "settings of a context that fails": (
        {
            "settings": """
            from kedro.framework.context import KedroContext
            class Context(KedroContext):
                def __init__(self, *_, **__):
                    raise RuntimeError("no context")
            CONTEXT_CLASS = Context
            """
        },
        "CONTEXT_CLASS of settings.py cannot be used: RuntimeError: no context",
    ),
    "a hook that raises": (
        {
            "settings": """
            from kedro.framework.hooks import hook_impl
            class Hooks:
                @hook_impl
                def after_context_created(self, context):
                    raise KeyError("secret")
            HOOKS = (Hooks(),)
            """
        },
        "after_context_created",
    ),
    "a catalog that is no YAML": ({"catalog": "a: {\n"}, "the project's catalog cannot be read"),
    "a catalog with a key twice": (
        {"catalog": "a: {type: MemoryDataset}\n", "files": {"conf/base/catalog_2.yml": "a: {}\n"}},
        "Duplicate keys",
    ),
    "an entry of an unknown type": (
        {"catalog": {"raw": {"type": "pandas.CVSDataset", "filepath": "x"}}},
        "catalog entry 'raw'",
    ),
    "an entry without a type": ({"catalog": {"raw": {"filepath": "x"}}}, "'raw' has no 'type'"),
    "an entry that is text": ({"catalog": {"raw": "x.csv"}}, "'raw'"),
    "an entry whose type is a number": ({"catalog": {"raw": {"type": 1}}}, "'raw'"),
    "a wrapped entry of an unknown type": (
        {"catalog": {"raw": {"type": "CachedDataset", "dataset": {"type": "pandas.CVSDataset"}}}},
        "'raw'",
    ),
    "a dataset that nobody writes": (
        {"catalog": {}},
        "'a' reads dataset 'raw', which no node of this run writes and the catalog does not hold",
    ),
    "parameters that are no YAML": (
        {"parameters": "a: b: c\n"},
        "the project's parameters cannot be read",
    ),
    "parameters that are a list": ({"parameters": "- 1\n- 2\n"}, "parameters"),
    "parameters with an interpolation of nothing": (
        {"parameters": "start: ${nothing}\n"},
        "'nothing' not found",
    ),
    "a resolver that needs a runtime parameter": (
        {"parameters": "start: ${runtime_params:day}\n"},
        "Runtime parameter 'day' not found",
    ),
    "a parameter that nobody configured": (
        {"parameters": {"strat": 1}},
        "'params:start', which parameters.yml does not have, did you mean 'strat'?",
    ),
    "mlflow.yml that is no YAML": ({"mlflow": "server: [\n"}, "mlflow.yml cannot be read"),
    "mlflow.yml whose tracking is text": ({"mlflow": "tracking: x\n"}, "mlflow.yml"),
}


@pytest.mark.parametrize("case", PROJECTS)
def test_a_project_that_cannot_be_compiled(new_project: NewProject, case: str) -> None:
    described, message = PROJECTS[case]
    if "catalog" in described and "nodes" not in described:
        described = {"nodes": NODE.format("raw"), **described}
    assert message in refused(new_project(**described), "compile")


OPTIONS: dict[str, tuple[list[str], str]] = {
    "an unknown pipeline": (["-p", "tarin"], "no pipeline named 'tarin', did you mean 'train'?"),
    "an unknown pipeline, and what exists": (
        ["-p", "x"],
        "(registered: __default__, empty, train)",
    ),
    "an empty pipeline": (["-p", "empty"], "pipeline 'empty' has no nodes to run"),
    "an unknown tag": (["--tags", "nothing"], "nothing"),
    "an unknown node": (["--nodes", "nothing"], "nothing"),
    "an unknown first node": (["--from-nodes", "nothing"], "nothing"),
    "an unknown last node": (["--to-nodes", "nothing"], "nothing"),
    "an unknown input": (["--from-inputs", "nothing"], "nothing"),
    "an unknown output": (["--to-outputs", "nothing"], "nothing"),
    "an unknown namespace": (["--namespaces", "nothing"], "nothing"),
    "an unknown parameter": (
        ["--params", "statr=1"],
        "--params statr: no such parameter, did you mean 'start'?",
    ),
    "an unknown parameter by the peer's name": (["--param", "statr=1"], "did you mean 'start'"),
    "an unknown nested parameter": (["--params", "model.rl=1"], "did you mean 'model.lr'"),
    "a nested parameter of one that is not": (["--params", "start.x=1"], "start.x"),
    "an unknown parameter in a declaration": (["--params", "statr:int"], "did you mean 'start'"),
    "an unknown type": (["--params", "start:itn"], "no type 'itn'"),
    "a type that does not fit": (["--params", "start:bool"], "integer"),
    "a parameter without a value": (["--params", "start"], "start"),
    "a parameter without a name": (["--params", "=1"], "write it as key=value"),
    "a parameter that is no YAML": (["--params", "start=[1"], "--params"),
    "a parameter that interpolates": (["--params", "start=${nothing}"], "nothing"),
    "a file of an unknown parameter": (["--params-file", "bad.yml"], "did you mean 'start'"),
    "a file that is no YAML": (["--params-file", "broken.yml"], "broken.yml"),
    "a file that is a list": (["--params-file", "list.yml"], "list.yml"),
    "a file that is not text": (["--params-file", "binary.yml"], "binary.yml"),
    "an output below a file": (
        ["-o", "pyproject.toml/x.yaml"],
        "cannot write pyproject.toml/x.yaml",
    ),
    "an output that is nowhere": (["-o", "/proc/nothing/x.yaml"], "cannot write /proc/nothing"),
}
FILES = {
    "bad.yml": "statr: 1\n",
    "broken.yml": "start: [\n",
    "list.yml": "- 1\n",
}


@pytest.fixture
def project(new_project: NewProject) -> KedroProject:
    made = new_project(
        nodes="""
        TRAIN = [node(first, ["params:start", "params:model"], "out", name="train")]
        PIPELINES = {
            "__default__": Pipeline(TRAIN), "train": Pipeline(TRAIN), "empty": Pipeline([])
        }
        """,
        parameters={"start": 1, "model": {"lr": 0.1}},
        files=FILES,
    )
    (made.path / "binary.yml").write_bytes(b"\xff\xfe\x00\x80")
    return made


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_cannot_be(project: KedroProject, case: str) -> None:
    arguments, message = OPTIONS[case]
    assert message in refused(project, "compile", *arguments)


def test_an_unknown_environment_is_no_missing_file(project: KedroProject) -> None:
    assert "porduction" in refused(project, "-e", "porduction", "compile")


def test_a_raw_input_that_cannot_be_read(new_project: NewProject) -> None:
    project = new_project(
        nodes=NODE.format("raw"),
        catalog={
            "raw": {
                "type": "partitions.PartitionedDataset",
                "path": "parts",
                "dataset": "text.TextDataset",
            }
        },
        files={"parts/one": "1"},
    )
    (project.path / "parts" / "two").symlink_to("nowhere")
    assert "dataset 'raw' cannot be read: a symbolic link to nothing" in refused(project, "compile")


def test_run_config_that_is_text_whatever_the_image(new_project: NewProject) -> None:
    project = new_project(vertexai={**TOP, "run_config": "x"})
    assert "expected a mapping, got text" in refused(project, "compile", "--image", "image")


@pytest.mark.parametrize(
    "arguments", [["-o", "conf"], ["--params-file", "nothing.yml"], ["--params-file", "conf"]]
)
def test_a_path_that_cannot_be_is_wrong_usage(project: KedroProject, arguments: list[str]) -> None:
    # Click's own check, with click's own exit code.
    result = project.invoke("compile", *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("Error: ") == 1
    assert arguments[1] in result.stderr


def test_an_output_that_exists_survives_a_failure(project: KedroProject) -> None:
    (project.path / "pipeline.yaml").write_text("old")
    refused(project, "compile", "-p", "nothing")


def test_a_disk_that_is_full_leaves_what_was_there(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "pipeline.yaml").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    assert "cannot write pipeline.yaml: No space left" in refused(project, "compile")


@pytest.mark.parametrize("command", ["compile", "run-once"])
def test_the_errors_of_one_file_stand_together(new_project: NewProject, command: str) -> None:
    broken: Mapping[str, Any] = {**TOP, "run_config": {"imgae": "x", "ttl": -1}}
    result = new_project(vertexai=broken).invoke(
        command, *(["--target", "local"] if command == "run-once" else [])
    )
    assert result.exit_code == 1
    assert result.stderr.count("Error: ") == 1
    assert result.stderr.count("conf/base/vertexai.yml: run_config") == 3


def test_the_command_line_ends_in_one_line_too(project: KedroProject) -> None:
    done = project.kedro("vertexai", "compile", "-p", "tarin")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: no pipeline named 'tarin'")
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.count("Error: ") == 1
    assert not (project.path / "pipeline.yaml").exists()
