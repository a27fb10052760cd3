"""What is taken out of an image's packages again: files that no task reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import kiwisolver
import numpy as np
import pytest

from kedro_vertexai.runtime.unneeded_files import main, remove_unneeded

# Real ones, of wheels: one with debuggers' symbols, and one that has none of its symbols to spare.
EXTENSION = next(Path(kiwisolver.__file__).parent.glob("_cext*.so"))
EDITED = sorted((Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas*.so"))

needs_strip = pytest.mark.skipif(not shutil.which("strip"), reason="needs strip, of binutils")


def write(directory: Path, *paths: str, text: str = "") -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def left(directory: Path, asked_for: Collection[str] = ()) -> set[str]:
    """The files and links that are there afterwards."""
    remove_unneeded(directory, asked_for)
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize(
    "path",
    [
        "pandas/tests/io/test_csv.py",
        "sklearn/linear_model/tests/__init__.py",
        "mlflow/server/js/build/index.html",
        "pyarrow/include/arrow/api.h",
        "fontTools/misc/bezierTools.c",
        "numpy/_core/multiarray.pyi",
    ],
)
def test_what_only_others_read_goes(tmp_path: Path, path: str) -> None:
    write(tmp_path, path, "pandas/core/frame.py")
    assert left(tmp_path) == {"pandas/core/frame.py"}


@pytest.mark.parametrize(
    "path",
    [
        "mlflow/server/__init__.py",
        "numpy/testing/__init__.py",
        "sklearn/datasets/data/iris.csv",
        # Packages that compile while they run read their own headers.
        "numba/core/runtime/nrt.h",
        "torch/include/torch/all.h",
        # lazy_loader reads stubs.
        "skimage/__init__.pyi",
        "mine/tests/__init__.py",
    ],
)
def test_what_a_task_may_read_stays(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert left(tmp_path) == {path}


@pytest.mark.parametrize(
    ("asked_for", "other", "stays"),
    [
        ([], "import pyarrow.parquet", False),
        (["pyarrow"], "import pyarrow.parquet", True),
        ([], "from pyarrow import flight", True),
    ],
    ids=["nobody asks for it", "the project names pyarrow", "another package imports it"],
)
def test_arrows_flight_stays_for_those_that_use_it(
    tmp_path: Path, asked_for: list[str], other: str, stays: bool
) -> None:
    flight = {"pyarrow/flight.py", "pyarrow/libarrow_flight.so.1"}
    ours = "kedro_vertexai/runtime/unneeded_files.py"
    rest = {"pyarrow/lib.py", ours, "other/client.py"}
    write(tmp_path, *flight, "pyarrow/lib.py", ours, text="flight, of pyarrow")
    write(tmp_path, "other/client.py", text=other)
    assert left(tmp_path, asked_for) == (rest | flight if stays else rest)


@needs_strip
def test_debuggers_symbols_go_and_the_library_is_imported_as_before(tmp_path: Path) -> None:
    package = shutil.copytree(EXTENSION.parent, tmp_path / "kiwisolver")
    (package / EXTENSION.name).chmod(0o604)
    before = (package / EXTENSION.name).stat()
    remove_unneeded(tmp_path, ())
    after = (package / EXTENSION.name).stat()
    assert after.st_size < before.st_size / 2
    assert after.st_mode == before.st_mode
    code = "import kiwisolver; print(kiwisolver.Variable('x') >= 1, kiwisolver.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert str(tmp_path) in done.stdout


@needs_strip
@pytest.mark.skipif(not EDITED, reason="this numpy brings no OpenBLAS")
def test_a_library_that_cannot_do_without_them_keeps_them(tmp_path: Path) -> None:
    """`strip` leaves this one with segments that the loader refuses."""
    folder = shutil.copytree(EDITED[0].parent, tmp_path / "numpy.libs")
    stripped = folder / "only-stripped.so"
    subprocess.run(["strip", "--strip-unneeded", "-o", stripped, EDITED[0]], check=True)
    loaded = subprocess.run(
        [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", stripped],
        check=False,
        capture_output=True,
    )
    stripped.unlink()
    if loaded.returncode == 0:
        pytest.skip("this one bears it")
    remove_unneeded(tmp_path, ())
    assert (folder / EDITED[0].name).read_bytes() == EDITED[0].read_bytes()
    assert {path.name for path in folder.iterdir()} == {p.name for p in EDITED[0].parent.iterdir()}


def test_without_strip_the_libraries_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXTENSION.parent, tmp_path / "kiwisolver")
    monkeypatch.setenv("PATH", str(tmp_path))
    remove_unneeded(tmp_path, ())
    assert (tmp_path / "kiwisolver" / EXTENSION.name).read_bytes() == EXTENSION.read_bytes()


def test_what_is_no_library_whatever_its_name_stays(tmp_path: Path) -> None:
    write(tmp_path, "package/data.so", "package/data.so.gz", text="text")
    assert left(tmp_path) == {"package/data.so", "package/data.so.gz"}


@needs_strip
def test_a_library_without_symbols_to_spare_stays_as_it_is(tmp_path: Path) -> None:
    package = shutil.copytree(EXTENSION.parent, tmp_path / "kiwisolver")
    remove_unneeded(tmp_path, ())
    once = (package / EXTENSION.name).stat()
    remove_unneeded(tmp_path, ())
    assert (package / EXTENSION.name).stat().st_ino == once.st_ino


def test_links_and_folders_named_like_files_are_no_trouble(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/test_one.py", "package/folder.py/__init__.py")
    (tmp_path / "package" / "dangling.py").symlink_to("nowhere")
    (tmp_path / "pandas").mkdir()
    (tmp_path / "pandas" / "tests").symlink_to(tmp_path / "elsewhere")
    assert left(tmp_path) == {
        "elsewhere/test_one.py",
        "package/folder.py/__init__.py",
        "package/dangling.py",
    }


def test_a_library_of_several_names_is_there_once(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    for name in ("libone.so", "libone.so.1", "libone.so.1.2"):
        shutil.copy(EXTENSION, folder / name)
    write(tmp_path, "package/libtwo.so.1", "package/libtwo.so.2", text="a")
    (folder / "libtwo.so.2").write_text("b")
    remove_unneeded(tmp_path, ())
    links = {path.name: str(path.readlink()) for path in folder.iterdir() if path.is_symlink()}
    assert links == {"libone.so.1": "libone.so", "libone.so.1.2": "libone.so"}
    remove_unneeded(tmp_path, ())
    assert all((folder / name).is_symlink() for name in links)
    assert (folder / "libtwo.so.2").read_text() == "b"


def test_the_command_takes_what_was_asked_for_from_pips_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    write(packages, "pyarrow/flight.py", "pyarrow/tests/test_flight.py")
    items = [
        {"metadata": {"name": "PyArrow"}, "requested": True},
        {"metadata": {"name": "pandas"}, "requested": False},
    ]
    (tmp_path / "report.json").write_text(json.dumps({"install": items}))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(packages))
    main([str(tmp_path / "report.json")])
    assert (packages / "pyarrow/flight.py").is_file()
    assert not (packages / "pyarrow/tests").exists()
