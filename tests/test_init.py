"""`kedro vertexai init`: a first vertexai.yml, valid as written."""

import stat
from collections.abc import Callable

import pytest
import yaml
from click.testing import Result
from project_factory import MLFLOW, KedroProject
from spec_reader import checked, container, tasks

from kedro_vertexai.config import not_applied, parse_config

NewProject = Callable[..., KedroProject]
WRITTEN = "conf/base/vertexai.yml"


@pytest.fixture
def fresh(new_project: NewProject) -> KedroProject:
    return new_project(directory="My Project", vertexai=None)


def init(project: KedroProject, *options: str) -> Result:
    return project.invoke("init", "my-project", "europe-west1", *options)


def test_init_then_compile_needs_no_edit(fresh: KedroProject) -> None:
    for command in (["init", "my-project", "europe-west1"], ["compile"]):
        done = fresh.kedro("vertexai", *command)
        assert done.returncode == 0, done.stderr
    spec = checked(yaml.safe_load((fresh.path / "pipeline.yaml").read_text(encoding="utf-8")))
    environment = {item["name"]: item["value"] for item in container(spec, "start")["env"]}
    assert environment == {"GCP_PROJECT_ID": "my-project", "GCP_REGION": "europe-west1"}
    assert list(tasks(spec)) == ["start"]


def test_what_is_written_is_valid_and_asks_for_nothing_that_is_not_done(
    fresh: KedroProject,
) -> None:
    assert init(fresh).exit_code == 0
    text = (fresh.path / WRITTEN).read_text(encoding="utf-8")
    config = parse_config(yaml.safe_load(text), WRITTEN)
    assert (config.project_id, config.region) == ("my-project", "europe-west1")
    assert not_applied(config) == []
    assert "${" not in text
    assert text.count("#") > 20


def test_the_image_is_a_name_that_docker_takes(new_project: NewProject) -> None:
    project = new_project(directory="Ünser Projekt_2", vertexai=None)
    init(project)
    config = yaml.safe_load((project.path / WRITTEN).read_text(encoding="utf-8"))
    image = config["run_config"]["image"].removesuffix(":latest")
    assert image.startswith("europe-west1-docker.pkg.dev/my-project/kedro/")
    # https://github.com/distribution/reference/blob/main/regexp.go
    assert all(c.isascii() and (c.isalnum() or c in "-_./") for c in image)
    assert image == image.lower()


def test_the_command_says_what_it_did(fresh: KedroProject) -> None:
    said = init(fresh).stdout
    assert WRITTEN in said
    assert ".gitignore" in said


def test_a_missing_mlflow_yml_is_mentioned_and_not_required(new_project: NewProject) -> None:
    assert "mlflow" in init(new_project(vertexai=None)).stdout
    assert "mlflow" not in init(new_project(vertexai=None, mlflow=MLFLOW)).stdout


def test_an_existing_file_is_not_overwritten(fresh: KedroProject) -> None:
    init(fresh)
    (fresh.path / WRITTEN).write_text("mine")
    before = fresh.files()
    result = init(fresh)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {WRITTEN} exists: --force replaces it\n"
    assert fresh.files() == before


def test_force_replaces_an_existing_file(fresh: KedroProject) -> None:
    (fresh.path / "conf/base").mkdir(exist_ok=True)
    (fresh.path / WRITTEN).write_text("mine")
    assert init(fresh, "--force").exit_code == 0
    assert "mine" not in (fresh.path / WRITTEN).read_text(encoding="utf-8").split()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ".vertexai/\n"),
        ("", ".vertexai/\n"),
        ("a\nb", "a\nb\n.vertexai/\n"),
        ("a\n", "a\n.vertexai/\n"),
        ("a\n.vertexai/\nb\n", "a\n.vertexai/\nb\n"),
        (".vertexai\n", ".vertexai\n"),
        ("/.vertexai/\n", "/.vertexai/\n"),
        ("# .vertexai/ is not ignored\n", "# .vertexai/ is not ignored\n.vertexai/\n"),
        ("!.vertexai/\n", "!.vertexai/\n"),
    ],
)
def test_what_local_runs_leave_is_kept_out_of_git(
    fresh: KedroProject, before: str | None, after: str
) -> None:
    gitignore = fresh.path / ".gitignore"
    if before is not None:
        gitignore.write_text(before)
    for _ in range(2):
        assert init(fresh, "--force").exit_code == 0
        assert gitignore.read_text() == after


def test_a_project_without_a_base_folder_gets_one(fresh: KedroProject) -> None:
    for file in (fresh.path / "conf/base").iterdir():
        file.unlink()
    (fresh.path / "conf/base").rmdir()
    assert init(fresh).exit_code == 0
    assert (fresh.path / WRITTEN).exists()


def test_the_file_is_written_where_kedro_reads_it(new_project: NewProject) -> None:
    project = new_project(
        vertexai=None,
        settings='CONF_SOURCE = "etc"\nCONFIG_LOADER_ARGS = {"base_env": "common"}',
        files={
            "etc/common/catalog.yml": "{}\n",
            "etc/common/parameters.yml": "start: 5\n",
            "etc/local/.gitkeep": "",
        },
    )
    result = init(project)
    assert result.exit_code == 0
    assert "etc/common/vertexai.yml" in result.stdout
    assert "start" in tasks(project.spec())


@pytest.mark.parametrize(
    ("project_id", "region"),
    [
        ("it's: #1", "europe-west1"),
        ("my-project", "r\nx: y"),
        ("", "europe-west1"),
        ("my-project", ""),
        ("$x {y}", "${z}"),
        ("123456789012", "us-central1"),
    ],
)
def test_what_is_given_is_written_as_it_is_or_refused(
    fresh: KedroProject, project_id: str, region: str
) -> None:
    before = fresh.files()
    result = fresh.invoke("init", project_id, region)
    if result.exit_code:
        assert result.stderr.startswith("Error: ")
        assert len(result.stderr.splitlines()) == 1
        assert fresh.files() == before
    else:
        text = (fresh.path / WRITTEN).read_text(encoding="utf-8")
        config = parse_config(yaml.safe_load(text), WRITTEN)
        assert (config.project_id, config.region) == (project_id, region)


def test_the_file_has_the_usual_permissions(fresh: KedroProject) -> None:
    init(fresh)
    ordinary = fresh.path / "ordinary"
    ordinary.touch()
    mode = stat.S_IMODE((fresh.path / WRITTEN).stat().st_mode)
    assert mode == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_folder_that_cannot_be_written_is_one_line(fresh: KedroProject) -> None:
    conf = fresh.path / "conf"
    for file in (conf / "base").iterdir():
        file.unlink()
    (conf / "base").rmdir()
    (conf / "base").write_text("a file where the folder should be")
    before = fresh.files()
    result = init(fresh)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: cannot write")
    assert len(result.stderr.splitlines()) == 1
    assert fresh.files() == before
