"""What of a project a task gets to see."""

from pathlib import Path

import pytest

from kedro_vertexai.targets.local import working_copy


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def copied(project: Path, tmp_path: Path) -> set[str]:
    image = tmp_path / "image"
    working_copy.make_image(project, image, pytest.fail)
    work = tmp_path / "work"
    working_copy.copy_image(image, work)
    return {
        str(path.relative_to(work))
        for path in work.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and "__pycache__" not in path.parts
    }


def test_what_stays_out_by_custom(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(
        project,
        "pyproject.toml",
        "src/p/data/schema.json",
        "src/p/build/x.py",
        "notebooks/a.ipynb",
        "conf/local/credentials.yml",
    )
    kept = {"pyproject.toml", "src/p/data/schema.json", "src/p/build/x.py"}
    kept |= {"notebooks/a.ipynb", "conf/local/credentials.yml"}
    write(
        project,
        ".git/HEAD",
        ".vertexai/jobs/x/job.json",
        ".venv/pyvenv.cfg",
        "deep/odd-name/pyvenv.cfg",
        "deep/odd-name/lib/x.py",
        "data/01_raw/x.csv",
        "node_modules/x.js",
        "src/p/__pycache__/x.pyc",
        "src/p.egg-info/x",
        ".ruff_cache/x",
        "mlruns/1/x",
        "mlflow.db",
        "mlflow.db-wal",
        "logs/info.log",
        "dist/x.whl",
        "build/x",
    )
    assert copied(project, tmp_path) == kept
    assert (tmp_path / "work" / "data" / "01_raw").is_dir()


def test_dockerignore_takes_over(tmp_path: Path) -> None:
    pytest.importorskip("docker")
    project = tmp_path / "project"
    write(project, "a.txt", "sub/b.txt", "sub/keep.txt", "logs/x", "data/x", ".git/x", ".venv/x")
    write(project, ".venv/pyvenv.cfg", "deep/c.log")
    (project / ".dockerignore").write_text("# no\n\nsub\n!sub/keep.txt\n**/*.log\n!data\n")
    assert copied(project, tmp_path) == {".dockerignore", "a.txt", "sub/keep.txt", "logs/x"}


def test_links(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(project, "conf/real.yml", "data/raw.csv")
    write(tmp_path, "outside/file.txt", "outside/tree/deep.txt")
    (project / "relative").symlink_to("conf/real.yml")
    (project / "absolute").symlink_to(project / "conf" / "real.yml")
    (project / "directory").symlink_to("conf")
    (project / "dangling").symlink_to("nowhere")
    (project / "file").symlink_to(tmp_path / "outside" / "file.txt")
    (project / "tree").symlink_to(tmp_path / "outside" / "tree")
    copied(project, tmp_path)
    work = tmp_path / "work"
    assert (work / "relative").readlink() == Path("conf/real.yml")
    assert (work / "absolute").readlink() == Path("conf/real.yml")
    assert (work / "directory").readlink() == Path("conf")
    assert (work / "dangling").readlink() == Path("nowhere")
    assert not (work / "file").is_symlink()
    assert (work / "file").read_text() == "x"
    assert not (work / "tree").is_symlink()
    assert (work / "tree" / "deep.txt").read_text() == "x"


def test_data_on_another_disk(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(project, "a")
    write(tmp_path, "disk/01_raw/x.csv")
    (project / "data").symlink_to(tmp_path / "disk")
    assert copied(project, tmp_path) == {"a"}
    assert (tmp_path / "work" / "data" / "01_raw").is_dir()
    assert not (tmp_path / "work" / "data").is_symlink()


def test_a_large_copy_is_worth_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working_copy, "LARGE", 3)
    project = tmp_path / "project"
    write(project, "big/1", "big/2", "big/3", "small/1")
    warnings: list[str] = []
    working_copy.make_image(project, tmp_path / "image", warnings.append)
    assert len(warnings) == 1
    assert "'big'" in warnings[0]
    assert ".dockerignore" in warnings[0]


def test_byte_code_is_compiled_once(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(project, "src/p/module.py")
    (project / "src" / "p" / "broken.py").write_text("def")
    copied(project, tmp_path)
    assert len(list((tmp_path / "work").rglob("module.*.pyc"))) == 1


def test_remove_read_only_directories(tmp_path: Path) -> None:
    write(tmp_path, "work/deep/file")
    (tmp_path / "work" / "deep").chmod(0o500)
    working_copy.remove(tmp_path / "work")
    assert not (tmp_path / "work").exists()
    working_copy.remove(tmp_path / "never-there")
