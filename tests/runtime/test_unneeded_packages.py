"""What is taken out of an image again: packages that only the compiler asked for."""

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from kedro_vertexai.runtime.unneeded_packages import unneeded
from kedro_vertexai.templates import templates_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = templates_dir() / "runtime-requirements.txt"


class Environment:
    """Packages as pip leaves them: their metadata on disk, and its report of installing them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._report: list[dict[str, object]] = []

    def package(
        self,
        name: str,
        *requires: str,
        asked_for: bool = False,
        extras: tuple[str, ...] = (),
        was_there: bool = False,
    ) -> "Environment":
        info = self._directory / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        offered = sorted(set(re.findall(r"extra == '([\w-]+)'", " ".join(requires))))
        lines = [
            f"Name: {name}",
            "Version: 1.0",
            *(f"Provides-Extra: {extra}" for extra in offered),
            *(f"Requires-Dist: {requirement}" for requirement in requires),
        ]
        (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
        if not was_there:
            item = {"metadata": {"name": name}, "requested": asked_for}
            self._report.append(item | ({"requested_extras": list(extras)} if extras else {}))
        return self

    def unneeded(self) -> list[str]:
        installed = {
            one.metadata["Name"]: one for one in distributions(path=[str(self._directory)])
        }
        return unneeded({"install": self._report}, installed)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_what_only_the_compiler_asks_for_goes(environment: Environment) -> None:
    environment.package("kedro-vertexai", "kedro", "kfp", asked_for=True)
    environment.package("kedro").package("kfp", "kubernetes").package("kubernetes")
    assert environment.unneeded() == ["kfp", "kubernetes"]


def test_what_the_project_names_itself_stays(environment: Environment) -> None:
    environment.package("kedro-vertexai", "google-cloud-aiplatform", asked_for=True)
    environment.package("google-cloud-aiplatform", "google-cloud-bigquery", asked_for=True)
    environment.package("google-cloud-bigquery")
    assert environment.unneeded() == []


def test_what_another_package_asks_for_stays(environment: Environment) -> None:
    environment.package("kedro-vertexai", "docker", "kfp", asked_for=True)
    environment.package("mlflow", "Docker>=4", asked_for=True).package("docker").package("kfp")
    assert environment.unneeded() == ["kfp"]


def test_extras_that_the_project_names_stay(environment: Environment) -> None:
    environment.package(
        "kedro-vertexai",
        "kfp",
        "mlflow; extra == 'mlflow'",
        "gcsfs; extra == 'gcs'",
        asked_for=True,
        extras=("mlflow",),
    )
    environment.package("kfp").package("mlflow").package("gcsfs")
    assert environment.unneeded() == ["gcsfs", "kfp"]


def test_extras_that_a_package_names_stay(environment: Environment) -> None:
    environment.package("kedro-vertexai", "kfp", asked_for=True).package("kfp", "pandas", "dask")
    environment.package("reports", "kedro-datasets[pandas-csv]", asked_for=True)
    environment.package("kedro-datasets", "pandas; extra == 'pandas-csv'", "dask; extra == 'dask'")
    environment.package("pandas").package("dask")
    assert environment.unneeded() == ["dask", "kfp"]


def test_what_the_base_image_had_is_left_alone(environment: Environment) -> None:
    environment.package("kedro-vertexai", "kfp", asked_for=True).package("kfp", "grpcio")
    environment.package("torch", "sympy", was_there=True).package("sympy", was_there=True)
    environment.package("grpcio", was_there=True)
    assert environment.unneeded() == ["kfp"]


def test_what_a_package_of_the_base_image_lacked_stays(environment: Environment) -> None:
    environment.package("kedro-vertexai", "kfp", was_there=True).package("kfp")
    environment.package("kedro-datasets", "pandas; extra == 'pandas'", was_there=True)
    environment.package("pandas")
    assert environment.unneeded() == ["kfp"]


def test_an_extra_that_a_package_of_the_base_image_has_half_of_was_not_asked_for(
    environment: Environment,
) -> None:
    environment.package("kedro-vertexai", "kfp", asked_for=True).package("kfp", "kubernetes")
    extras = "kubernetes; extra == 'cloud'", "boto3; extra == 'cloud'"
    environment.package("kubernetes").package("mlflow", *extras, was_there=True)
    assert environment.unneeded() == ["kfp", "kubernetes"]


def test_packages_that_need_each_other_end(environment: Environment) -> None:
    environment.package("kedro-vertexai", "kfp", asked_for=True).package("kfp", "kfp-spec")
    environment.package("kfp-spec", "kfp").package("a", "b", asked_for=True).package("b", "a")
    assert environment.unneeded() == ["kfp", "kfp-spec"]


def test_of_a_real_environment_the_compiler_and_the_cloud_clients_go(tmp_path: Path) -> None:
    """As if pip had installed this environment for a tracked project."""
    extras = {"kedro-vertexai": ["mlflow"]}
    report = {
        "install": [
            {
                "metadata": {"name": name},
                "requested": name in extras,
                "requested_extras": extras.get(name, []),
            }
            for name in ("kedro-vertexai", "kfp", "google-cloud-aiplatform", "kedro", "mlflow",
                         "kedro-mlflow", "google-auth", "kfp-pipeline-spec", "isal", "docker")
        ]
    }  # fmt: skip
    (tmp_path / "report.json").write_text(json.dumps(report))
    command = [sys.executable, "-m", "kedro_vertexai.runtime.unneeded_packages", "report.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    # This environment holds more, which counts as having been there with every extra that is
    # complete: so what the tests need of these stays.
    assert set(done.stdout.split()) <= {
        "kfp", "google-cloud-aiplatform", "kfp-pipeline-spec", "docker"
    }  # fmt: skip
    assert "google-cloud-aiplatform" in done.stdout.split()


def test_every_dependency_is_either_for_tasks_or_for_commands() -> None:
    """A new dependency belongs in runtime-requirements.txt, or in this list."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = set(metadata["dependencies"])
    for_tasks = {
        line for line in RUNTIME.read_text("utf-8").splitlines() if line and line[0] != "#"
    }
    assert for_tasks <= declared
    assert {Requirement(line).name for line in declared - for_tasks} == {
        "docker",
        "google-cloud-aiplatform",
        "googleapis-common-protos",
        "kfp",
        "kfp-pipeline-spec",
        "packaging",
        "parse",
        "rich",
    }
