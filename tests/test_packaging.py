"""The wheel, built from this checkout and used away from it."""

import configparser
import os
import re
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import kedro_vertexai

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
ENTRY_POINTS = {
    "kedro.project_commands": ("vertexai", "kedro_vertexai.cli:commands"),
    "kedro.init": ("vertexai", "kedro_vertexai.cli_start:start"),
    "kedro.hooks": ("vertexai", "kedro_vertexai.hooks:hooks"),
    "kedro.starters": ("starter", "kedro_vertexai.starters:starters"),
}

pytestmark = pytest.mark.slow


def run(*argv: str | Path, cwd: Path) -> str:
    """Run a command without the checkout on its path, and return what it printed."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "KEDRO_ENV"}}
    environment |= {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "true", "COLUMNS": "200"}
    done = subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout. Without isolation, so that no build tool is downloaded."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose kedro_vertexai is the wheel's, all else being this environment's.

    A `.pth` lends it this environment's packages. The `.pth` files lying there are not read, so
    an editable install of the checkout is out of reach.
    """
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    interpreter = home / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet",
        "--no-deps", "--no-index", wheel, cwd=home)  # fmt: skip
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return interpreter


@pytest.fixture(scope="module")
def project(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made by `kedro new` from the starter in the wheel."""
    home = tmp_path_factory.mktemp("projects")
    run(python, "-m", "kedro", "new", "--starter=vertexai", "--name", "From Wheel", cwd=home)
    return home / "from-wheel"


def test_wheel_holds_every_template(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    here = {
        f"kedro_vertexai/templates/{path.relative_to(TEMPLATES).as_posix()}"
        for path in TEMPLATES.rglob("*")
        if path.is_file() and not {"__pycache__", ".pytest_cache"} & set(path.parts)
    }
    assert here - names == set()
    for required in ("vertexai.yml", "runtime-requirements.txt", "starter/cookiecutter.json"):
        assert f"kedro_vertexai/templates/{required}" in names


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "kedro_vertexai/py.typed" in names
    folders = {name.split("/")[0] for name in names}
    version = kedro_vertexai.__version__
    assert folders == {"kedro_vertexai", f"kedro_vertexai-{version}.dist-info"}


def test_wheel_registers_its_entry_points(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    found = configparser.ConfigParser()
    found.read_string(archive.read(name).decode())
    for group, (point, value) in ENTRY_POINTS.items():
        assert found[group][point] == value


def test_installed_wheel_is_the_one_in_use(python: Path, tmp_path: Path) -> None:
    program = f"""
import importlib.metadata as metadata, kedro_vertexai
print("at", kedro_vertexai.__file__)
print("at", metadata.distribution("kedro-vertexai").locate_file(""))
for group in {list(ENTRY_POINTS)}:
    for point in metadata.entry_points(group=group):
        if point.value.startswith("kedro_vertexai"):
            point.load()
            print("loaded", group)
"""
    printed = run(python, "-c", program, cwd=tmp_path)
    installed = python.parent.parent
    # Kedro logs to the same stream: our own lines are marked.
    places = re.findall(r"^at (.+)$", printed, re.MULTILINE)
    assert len(places) == 2
    assert all(Path(place).is_relative_to(installed) for place in places), places
    assert re.findall(r"^loaded (.+)$", printed, re.MULTILINE) == list(ENTRY_POINTS)


def test_starter_comes_from_the_wheel(python: Path, project: Path, tmp_path: Path) -> None:
    program = "from kedro_vertexai.starters import starters; print(starters[0].template_path)"
    printed = run(python, "-c", program, cwd=tmp_path)
    template = Path(printed.splitlines()[-1]).resolve()
    assert template.is_relative_to(python.parent.parent.resolve())
    assert not template.is_relative_to(ROOT)
    assert (project / "pyproject.toml").is_file()


def test_commands_show_up_in_a_project(python: Path, project: Path) -> None:
    shown = run(python, "-m", "kedro", "vertexai", "--help", cwd=project)
    for command in ("init", "compile", "run-once"):
        assert re.search(rf"^\s+{command}\b", shown, re.MULTILINE), shown


def test_init_and_compile_work_from_the_wheel(python: Path, project: Path) -> None:
    run(python, "-m", "kedro", "vertexai", "init", "a-project", "europe-west1", cwd=project)
    run(python, "-m", "kedro", "vertexai", "compile", "-o", "spec.json", cwd=project)
    assert (project / "spec.json").stat().st_size > 0


def test_container_requirements_are_part_of_ours() -> None:
    text = (TEMPLATES / "runtime-requirements.txt").read_text()
    container = {line for line in text.splitlines() if line and not line.startswith("#")}
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert container <= set(metadata["project"]["dependencies"])
