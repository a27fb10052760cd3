"""`kedro vertexai init`: a first vertexai.yml, valid as written."""

import re
import stat
import sys
from collections.abc import Callable

import pytest
import yaml
from click.testing import Result
from docker.utils.build import exclude_paths
from project_factory import MLFLOW, KedroProject
from spec_reader import checked, container, tasks

from kedro_vertexai.config import not_applied, parse_config
from kedro_vertexai.templates import templates_dir

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


DOCKER = "--with-docker"
DOCKER_FILES = {"Dockerfile", ".dockerignore"}


def instructions(project: KedroProject) -> list[list[str]]:
    """The instructions of the Dockerfile, word by word, without comments."""
    text = (project.path / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [line.split() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line]


def test_docker_files_are_written_when_asked_for(fresh: KedroProject) -> None:
    assert init(fresh).exit_code == 0
    assert not DOCKER_FILES & {path.name for path in fresh.path.iterdir()}
    said = init(fresh, DOCKER)
    assert said.exit_code == 0
    assert {path.name for path in fresh.path.iterdir()} >= DOCKER_FILES
    assert "Dockerfile" in said.stdout
    assert f"{WRITTEN} exists and was kept" in said.stdout


def test_a_dockerfile_is_not_overwritten(fresh: KedroProject) -> None:
    (fresh.path / "Dockerfile").write_text("mine")
    before = fresh.files()
    result = init(fresh, DOCKER)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Dockerfile exists: remove it, or --force replaces it and vertexai.yml\n"
    )
    assert fresh.files() == before
    assert init(fresh, DOCKER, "--force").exit_code == 0
    assert "mine" not in (fresh.path / "Dockerfile").read_text().split()


def test_a_dockerignore_is_kept(fresh: KedroProject) -> None:
    (fresh.path / ".dockerignore").write_text("mine")
    assert ".dockerignore exists and was kept" in init(fresh, DOCKER).stdout
    assert (fresh.path / ".dockerignore").read_text() == "mine"
    assert (fresh.path / "Dockerfile").is_file()


def test_nothing_is_written_if_one_file_cannot_be(fresh: KedroProject) -> None:
    (fresh.path / "Dockerfile").mkdir()
    before = fresh.files()
    result = init(fresh, DOCKER, "--force")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert fresh.files() == before


def test_the_base_image_has_the_python_that_compiles(fresh: KedroProject) -> None:
    init(fresh, DOCKER)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert instructions(fresh)[0] == ["ARG", f"BASE_IMAGE=python:{version}-slim"]


def test_both_builders_of_docker_and_kedro_docker_can_build(fresh: KedroProject) -> None:
    """kedro-docker gives these arguments; only BuildKit knows mounts and here-documents."""
    init(fresh, DOCKER)
    given = {line[1].split("=")[0] for line in instructions(fresh) if line[0] == "ARG"}
    assert {"KEDRO_UID", "KEDRO_GID", "BASE_IMAGE"} <= given
    text = (fresh.path / "Dockerfile").read_text()
    assert not re.search(r"^# *syntax=|--mount|<<|--link", text, re.MULTILINE)


def test_code_comes_after_the_packages_and_without_root(fresh: KedroProject) -> None:
    init(fresh, DOCKER)
    written = instructions(fresh)
    final = written[max(n for n, line in enumerate(written) if line[0] == "FROM") :]
    copies = [line for line in final if line[0] == "COPY"]
    assert [line[1] for line in copies] == ["--from=packages", "--from=project"]
    assert ["USER", "kedro_docker"] in final
    # kedro-docker mounts data there.
    assert ["WORKDIR", "/home/kedro_docker"] in final


def test_no_secret_and_no_data_go_into_the_image(new_project: NewProject) -> None:
    project = new_project(
        vertexai=None,
        settings='CONF_SOURCE = "etc"',
        files=dict.fromkeys(
            (
                "etc/base/catalog.yml",
                "etc/base/credentials.yml",
                "etc/base/db/my_credentials.yml",
                "etc/local/.gitkeep",
                "etc/local/parameters.yml",
                "data/01_raw/x.csv",
                "src/key.pem",
                "src/tls.key",
                "keys/old.p12",
                ".env.production",
                ".env",
                ".git/config",
                "mlflow.db",
                "logs/info.log",
                "wheels/own-1-py3-none-any.whl",
            ),
            "",
        ),
    )
    init(project, DOCKER)
    sent = set(exclude_paths(str(project.path), docker_patterns(project)))
    assert {"etc/base/catalog.yml", "etc/base/vertexai.yml", "etc/local/.gitkeep"} <= sent
    assert "wheels/own-1-py3-none-any.whl" in sent
    secret = ("credentials", ".pem", ".key", ".p12", ".env")
    kept_back = (".git/", "data/", "logs/", "mlflow.db", ".env", "etc/local/parameters.yml")
    assert [n for n in sent if n.startswith(kept_back) or any(word in n for word in secret)] == []
    assert "mkdir -p etc/local" in (project.path / "Dockerfile").read_text()


def docker_patterns(project: KedroProject) -> list[str]:
    lines = (project.path / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("requirements", "told"),
    [
        (None, "No requirements.txt found"),
        ("kedro\n# kedro-vertexai\n", "does not name kedro-vertexai"),
        ("kedro-vertexai[mlflow]~=2.0\n", ""),
        ("Kedro_VertexAI\n", ""),
        ("./wheels/kedro_vertexai-2.0.0-py3-none-any.whl\n", ""),
        ("-r requirements-base.txt\n", ""),
    ],
)
def test_requirements_that_the_image_lacks_are_told(
    fresh: KedroProject, requirements: str | None, told: str
) -> None:
    if requirements is not None:
        (fresh.path / "requirements.txt").write_text(requirements)
    said = [line for line in init(fresh, DOCKER).stdout.splitlines() if "requirements" in line]
    assert len(said) == bool(told)
    assert told in "".join(said)


def test_the_starter_leaves_out_the_same() -> None:
    (theirs,) = (templates_dir() / "starter").glob("*/.dockerignore")
    ours = (templates_dir() / "docker" / ".dockerignore").read_text()
    assert theirs.read_text() == ours.replace("%{conf}", "conf")
