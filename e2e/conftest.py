"""A small world for a user: two machines with Docker, a registry, an MLflow server, a Google.

Nothing in it but the wheels and Debian's packages comes from elsewhere, and nothing of it stays.
"""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import machine
import pytest
from asking import ACCOUNT, AUDIENCE
from cloud_storage import Bucket, running_emulator
from engine import Engine, EngineOptions, running_engine
from google_service import GoogleService, running_service
from google_service.containers import Containers
from mlflow_server import running_mlflow
from network import Network, new_network
from package_index import build_wheel, collect_wheels, serving_index
from processes import NotStartedError
from project import Project, new_project
from registry import Registry, running_registry
from signed_server import SignedServer
from token_service import Key, TokenService
from user import User
from workplace import new_workplace, remember_bridge

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = "e2e/debian:local"
BUCKET = "e2e-kedro"
# What a build may install beside the project's own requirements.
_BUILD_TOOLS = ("pip", "uv", "setuptools", "wheel", "hatchling")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Whoever stops the tests stops them in order: everything they started ends."""
    if reasons := machine.reasons_against():
        pytest.exit(f"the end-to-end tests cannot run here: {'; '.join(reasons)}", returncode=1)
    # A shell that starts us in the background has us ignore Ctrl-C's signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


# The machines


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    with new_workplace() as place:
        yield place


@pytest.fixture(scope="session")
def network(workplace: Path) -> Iterator[Network]:
    with new_network() as network:
        remember_bridge(workplace, network.bridge)
        yield network


@pytest.fixture(scope="session")
def engine(workplace: Path, network: Network) -> Iterator[Engine]:
    """Of the user's machine."""
    try:
        with running_engine(workplace / "user", network) as engine:
            yield engine
    except NotStartedError as error:
        pytest.exit(f"no Docker engine can run here: {error}", returncode=1)


@pytest.fixture(scope="session")
def vertex_engine(workplace: Path, network: Network) -> Iterator[Engine]:
    """Of Vertex AI, which has nothing of the user's but what is in the registry."""
    with running_engine(workplace / "vertex", network, EngineOptions(part=1)) as engine:
        yield engine


@pytest.fixture(scope="session")
def registry(workplace: Path) -> Iterator[Registry]:
    with running_registry(workplace / "registry") as registry:
        yield registry


@pytest.fixture(scope="session")
def base_image(engine: Engine, workplace: Path, package_index: str, network: Network) -> str:
    """The base image that a Dockerfile of ours starts from; here it is made, not pulled.

    As companies' base images do, it says where packages come from.
    """
    version = "{}.{}".format(*sys.version_info)
    argv = [str(ROOT / "scripts" / "base-image.sh"), DEBIAN, version]
    scratch = workplace / "scratch"
    scratch.mkdir()
    env = {**os.environ, **engine.environment, "TMPDIR": str(scratch)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.exit(done.stdout + done.stderr, returncode=1)
    context = workplace / "base-image"
    context.mkdir()
    settings = f"[global]\nindex-url = {package_index}\ntrusted-host = {network.gateway}\n"
    (context / "pip.conf").write_text(settings, encoding="utf-8")
    (context / "Dockerfile").write_text(f"FROM {DEBIAN}\nCOPY pip.conf /etc/pip.conf\n")
    name = f"python:{version}-slim"
    engine.docker("build", "--quiet", "--tag", name, str(context))
    return name


@pytest.fixture(scope="session")
def wheels(workplace: Path) -> Path:
    """The wheels that the package index has: this checkout's, and what the starter needs."""
    folder = workplace / "wheels"
    folder.mkdir()
    wheel = build_wheel(ROOT, folder)
    runtime = f"--requirement={ROOT / 'templates' / 'runtime-requirements.txt'}"
    starter = workplace / "requirements.txt"
    text = next((ROOT / "templates" / "starter").glob("*/requirements.txt")).read_text("utf-8")
    # The package's own line asks for the wheel; a template's expression for any version.
    lines = [line for line in text.splitlines() if not line.startswith("kedro-vertexai")]
    starter.write_text("\n".join(line for line in lines if "{{" not in line), encoding="utf-8")
    collect_wheels(folder, [str(wheel), runtime, f"--requirement={starter}", *_BUILD_TOOLS])
    return folder


@pytest.fixture(scope="session")
def package_index(wheels: Path, network: Network) -> Iterator[str]:
    with serving_index(wheels, network.gateway) as url:
        yield url


# The services


@pytest.fixture(scope="session")
def google(network: Network) -> Iterator[TokenService]:
    """Hands out tokens to holders of a key file and to machines of Google's."""
    with TokenService(Key(), address=network.gateway, is_machine=True) as service:
        yield service


@pytest.fixture(scope="session")
def mlflow_host(workplace: Path) -> Iterator[str]:
    """A real server, which listens where no container can reach it."""
    folder = workplace / "mlflow"
    folder.mkdir()
    with running_mlflow(folder) as host:
        yield host


@pytest.fixture(scope="session")
def proxy(google: TokenService, mlflow_host: str, network: Network) -> Iterator[SignedServer]:
    """The only way to it, for whoever signs."""
    key = google.signing_key
    with SignedServer(key, AUDIENCE, mlflow_host, network.gateway) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[str]:
    """An empty Cloud Storage for this process and its children; its URL."""
    with running_emulator() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        # Datasets use the class that asks Google, over gRPC, what kind of bucket it is.
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield url


@pytest.fixture(scope="session")
def bucket(cloud_storage: str) -> Bucket:
    from kedro_vertexai.storage import open_filesystem

    fs, _ = open_filesystem("gs://")
    fs.mkdir(BUCKET)
    return Bucket(BUCKET, cloud_storage)


@pytest.fixture(scope="session")
def vertex(
    workplace: Path, vertex_engine: Engine, google: TokenService, cloud_storage: str
) -> Iterator[GoogleService]:
    """Vertex AI, whose containers know who they are from a metadata server."""
    directory = workplace / "jobs"
    directory.mkdir()
    environment = {"GCE_METADATA_HOST": google.host, "GCE_METADATA_IP": google.host}
    with running_service(
        directory=directory,
        environment=environment,
        containers=Containers(vertex_engine.host),
    ) as service:
        yield service


# The user


@pytest.fixture(scope="session")
def python(workplace: Path, wheels: Path) -> Path:
    """The user's interpreter: the wheel and kedro-docker, and this environment's packages.

    A `.pth` lends it those. The `.pth` files lying among them are not read, so that the checkout
    is out of reach.
    """
    home = workplace / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    interpreter = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet"]
    (wheel,) = wheels.glob("kedro_vertexai-*.whl")
    # The checkout is installed, too, and of the same version.
    subprocess.run([*pip, "--no-deps", "--ignore-installed", str(wheel)], check=True)
    subprocess.run([*pip, f"--group={ROOT / 'pyproject.toml'}:e2e"], check=True)
    return interpreter


@pytest.fixture(scope="session")
def user(
    workplace: Path,
    python: Path,
    engine: Engine,
    google: TokenService,
    vertex: GoogleService,
    bucket: Bucket,
) -> User:
    """Somebody with a key file of a service account, and a Docker engine."""
    home = workplace / "home"
    home.mkdir()
    key_file = home / "key.json"
    key_file.write_text(json.dumps(google.key_file(ACCOUNT)), encoding="utf-8")
    return User(
        home,
        python,
        {
            **engine.environment,
            **vertex.environment,
            "STORAGE_EMULATOR_HOST": bucket.host,
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
            "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
        },
    )


@pytest.fixture(scope="session")
def project(user: User, workplace: Path, proxy: SignedServer, bucket: Bucket) -> Project:
    """From the starter, with a Dockerfile, a bucket and the MLflow server."""
    return new_project(user, workplace, proxy.url, f"{bucket.name}/runs")


@pytest.fixture(scope="session")
def expected(project: Project, workplace: Path) -> dict[str, str]:
    """What `kedro run` makes of the project."""
    copy = project.copy(workplace / "kedro-run")
    done = copy.kedro("run")
    assert done.code == 0, done.printed
    return copy.outputs()


@pytest.fixture(scope="session")
def image(project: Project, registry: Registry, base_image: str) -> str:
    """The project's image, built and pushed; its name by digest."""
    project.configure(image=registry.image("kedro/tumour-diagnosis"))
    done = project.vertexai("build", "--check", "--yes", timeout=900)
    name = done.printed.splitlines()[-1]
    assert "@sha256:" in name, done.printed
    return name
