"""Copies of files and directories are whole, or known not to be, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from kedro_vertexai.copying import (
    Copied,
    CopyRefusedError,
    copy_in_place,
    copy_path,
    make_empty,
    remove,
    shown,
)

Copy = Callable[[Path, Path], Copied]
# For what holds wherever a copy is written.
both = pytest.mark.parametrize("copy", [copy_path, copy_in_place])
FILES = 400
TRIES = 20
SHARED_MEMORY = Path("/dev/shm")


def write(directory: Path, **files: str) -> Path:
    """A directory of files by name, `__` in a name standing for a slash."""
    for name, text in files.items():
        file = directory / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return directory


def texts(directory: Path) -> dict[str, str]:
    return {
        file.relative_to(directory).as_posix(): file.read_text()
        for file in directory.rglob("*")
        if file.is_file()
    }


def hidden(directory: Path) -> list[str]:
    """What copies left beside their places, or in them."""
    return [entry.name for entry in directory.rglob(".*")]


# What arrives


@both
def test_a_file_arrives_with_its_bytes_and_time(tmp_path: Path, copy: Copy) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "not" / "there" / "b.csv"
    source.write_bytes(b"\0\r\n")
    assert copy(source, target) == Copied(files=1, bytes=3)
    assert target.read_bytes() == b"\0\r\n"
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert not hidden(tmp_path)


@both
def test_a_directory_replaces_the_one_that_was_there(tmp_path: Path, copy: Copy) -> None:
    source = write(tmp_path / "new", a="1", deep__b="22")
    target = write(tmp_path / "parts", a="old", old="old", deep__old="old", older__x="old")
    assert copy(source, target) == Copied(files=2, bytes=3)
    assert texts(target) == {"a": "1", "deep/b": "22"}
    assert not (target / "older").exists()
    assert not hidden(tmp_path)


@both
def test_an_empty_directory_is_one(tmp_path: Path, copy: Copy) -> None:
    (tmp_path / "source" / "inner").mkdir(parents=True)
    assert copy(tmp_path / "source", tmp_path / "target") == Copied()
    assert [*(tmp_path / "target").rglob("*")] == [tmp_path / "target" / "inner"]


@both
def test_a_file_takes_a_directorys_place_and_the_reverse(tmp_path: Path, copy: Copy) -> None:
    file, directory = write(tmp_path, file="x") / "file", write(tmp_path / "directory", a="1")
    was_directory = write(tmp_path / "was_directory", old="old")
    was_file = write(tmp_path, was_file="old") / "was_file"
    copy(file, was_directory)
    copy(directory, was_file)
    assert was_directory.read_text() == "x"
    assert texts(was_file) == {"a": "1"}
    assert not hidden(tmp_path)


def test_merged_files_lie_over_those_that_are_there(tmp_path: Path) -> None:
    source = write(tmp_path / "new", a="new", deep__b="new", was_file__c="new", was_directory="new")
    target = write(tmp_path / "parts", a="old", deep__d="old", was_file="old", was_directory__e="")
    copy_path(source, target, merge=True)
    assert texts(target) == {
        "a": "new",
        "deep/b": "new",
        "deep/d": "old",
        "was_file/c": "new",
        "was_directory": "new",
    }
    assert not hidden(tmp_path)


def test_an_empty_directory_is_made_or_left_alone(tmp_path: Path) -> None:
    make_empty(tmp_path / "a" / "new")
    make_empty(write(tmp_path / "replaced", old="old"))
    make_empty(write(tmp_path / "merged", old="old"), merge=True)
    assert [*(tmp_path / "a").rglob("*")] == [tmp_path / "a" / "new"]
    assert texts(tmp_path) == {"merged/old": "old"}


@both
@pytest.mark.parametrize(
    "name",
    [b"l" * 255, b"\xff\xfe.csv", b"two\nlines", b" ", b"-rf", b"*", "ä\u0301\U0001f600".encode()],
    ids=ascii,
)
def test_any_name_arrives(tmp_path: Path, copy: Copy, name: bytes) -> None:
    source, target = tmp_path / os.fsdecode(name), tmp_path / "target" / os.fsdecode(name)
    (source / source.name).mkdir(parents=True)
    (source / source.name / source.name).write_text("x")
    copy(source, target)
    copy(source / source.name / source.name, target / "file" / source.name)
    assert [*texts(target).values()] == ["x", "x"]
    assert len(shown(target).splitlines()) == 1


@both
def test_permissions_stay_behind(tmp_path: Path, copy: Copy) -> None:
    source = write(tmp_path / "source", deep__secret="x", deep__program="y")
    (source / "deep" / "secret").chmod(0o400)
    (source / "deep" / "program").chmod(0o777)
    (source / "deep").chmod(0o500)
    new = write(tmp_path / "new", file="x") / "file"
    copy(source, tmp_path / "target")
    (source / "deep").chmod(0o700)
    assert (tmp_path / "target" / "deep").stat().st_mode == (tmp_path / "new").stat().st_mode
    for name in ("secret", "program"):
        assert (tmp_path / "target" / "deep" / name).stat().st_mode == new.stat().st_mode


@pytest.mark.skipif(
    not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == Path.cwd().stat().st_dev,
    reason="needs a second file system",
)
@both
def test_a_copy_between_file_systems_needs_no_memory(tmp_path: Path, copy: Copy) -> None:
    megabytes = 128
    source = SHARED_MEMORY / f"{tmp_path.parent.name}-{copy.__name__}"
    try:
        source.write_bytes(os.urandom(1 << 20) * megabytes)
        used = in_child(
            """
            def peak():
                # Of this program alone; getrusage's starts with the process that started it.
                with open("/proc/self/status") as status:
                    return next(int(line.split()[1]) for line in status if "VmHWM" in line)
            before = peak()
            copy(source, target)
            print(peak() - before)
            """,
            copy,
            source,
            tmp_path / "target",
        )
        assert (tmp_path / "target").read_bytes() == source.read_bytes()
    finally:
        source.unlink(missing_ok=True)
    assert int(used) < 16 * 1024, "kilobytes"


@both
def test_files_of_a_directory_are_copied_several_at_a_time(tmp_path: Path, copy: Copy) -> None:
    source = write(tmp_path / "source", **{f"file_{number}": "x" for number in range(40)})
    # A disk that answers late, as a mounted bucket does.
    threads = in_child(
        """
        import sys, threading, time
        seen = set()
        def late(event, arguments):
            if event == "open" and "file_" in str(arguments[0]):
                seen.add(threading.get_ident())
                time.sleep(0.02)
        sys.addaudithook(late)
        copy(source, target)
        print(len(seen))
        """,
        copy,
        source,
        tmp_path / "target",
    )
    assert 2 < int(threads) <= 8
    assert texts(tmp_path / "target") == texts(source)


# What is there already


def test_a_file_that_is_there_is_not_copied_again(tmp_path: Path) -> None:
    source, target = write(tmp_path, source="x") / "source", tmp_path / "target"
    copy_path(source, target)
    before = target.stat()
    assert copy_path(source, target) == Copied(files=1, bytes=1, skipped=1)
    assert target.stat().st_ino == before.st_ino


@pytest.mark.parametrize("merge", [False, True])
def test_only_what_changed_in_a_directory_is_copied_again(tmp_path: Path, merge: bool) -> None:
    source = write(tmp_path / "source", same="1", deep__same="22", deep__longer="3", touched="4")
    target = tmp_path / "target"
    copy_path(source, target)
    (source / "deep" / "longer").write_text("333")
    (source / "touched").write_text("5")
    kept = [target / "same", target / "deep" / "same"]
    inodes = [file.stat().st_ino for file in kept]
    assert copy_path(source, target, merge=merge) == Copied(files=4, bytes=7, skipped=2)
    assert [file.stat().st_ino for file in kept] == inodes
    assert texts(target) == texts(source)


def test_a_time_of_whole_seconds_proves_nothing(tmp_path: Path) -> None:
    source, target = write(tmp_path / "source", a="1"), write(tmp_path / "target", a="2")
    for file in (source / "a", target / "a"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    assert copy_path(source, target).skipped == 0
    assert texts(target) == {"a": "1"}


@both
def test_a_path_is_not_copied_to_itself(tmp_path: Path, copy: Copy) -> None:
    source = write(tmp_path / "source", a="1", deep__b="22")
    (tmp_path / "link").symlink_to(source)
    before = (source / "a").stat()
    assert copy(source, tmp_path / "link") == Copied(files=2, bytes=3, skipped=2)
    assert copy(source / "a", tmp_path / "link" / "a") == Copied(files=1, bytes=1, skipped=1)
    assert (source / "a").stat().st_ino == before.st_ino


def test_nothing_is_shared_with_what_a_link_in_the_place_leads_to(tmp_path: Path) -> None:
    source = write(tmp_path / "source", deep__a="x")
    copy_path(source, tmp_path / "users")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "deep").symlink_to(tmp_path / "users" / "deep")
    (tmp_path / "link").symlink_to(tmp_path / "users")
    for target in (tmp_path / "target", tmp_path / "link"):
        copy_path(source, target)
        (target / "deep" / "a").write_text("changed in place")
    assert texts(tmp_path / "users") == {"deep/a": "x"}


# Links, and what is no file


@both
def test_links_are_followed(tmp_path: Path, copy: Copy) -> None:
    write(tmp_path / "elsewhere", a="1", deep__b="2")
    source = write(tmp_path / "source", c="3")
    (source / "file").symlink_to("../elsewhere/a")
    (source / "directory").symlink_to(tmp_path / "elsewhere")
    (source / "again").symlink_to("directory/deep")
    (tmp_path / "link").symlink_to("source")
    copy(tmp_path / "link", tmp_path / "target")
    expected = {"c": "3", "file": "1", "again/b": "2", "directory/a": "1", "directory/deep/b": "2"}
    assert texts(tmp_path / "target") == expected
    assert not any(path.is_symlink() for path in (tmp_path / "target").rglob("*"))
    copy(tmp_path / "source" / "file", tmp_path / "copy")
    assert not (tmp_path / "copy").is_symlink()


@both
def test_a_link_in_the_place_is_replaced_and_not_written_through(
    tmp_path: Path, copy: Copy
) -> None:
    source = write(tmp_path / "source", a="new", parts__b="new")
    users = write(tmp_path / "users", a="theirs", parts__c="theirs")
    target = tmp_path / "target"
    target.mkdir()
    for name in ("a", "parts"):
        (target / name).symlink_to(users / name)
        copy(source / name, target / name)
    assert texts(users) == {"a": "theirs", "parts/c": "theirs"}
    assert texts(target) == {"a": "new", "parts/b": "new"}


def cycle(path: Path) -> None:
    path.symlink_to(path.parent)


def cycle_of_two(path: Path) -> None:
    other = path.parent.parent / "other"
    other.mkdir()
    (other / "back").symlink_to(path.parent)
    path.symlink_to(other)


def listening_socket(path: Path) -> None:
    # A socket's own path may not be long.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "nowhere": (lambda path: path.symlink_to("gone"), "is a symbolic link that leads nowhere"),
    "itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "cycle": (cycle, "is a symbolic link to a directory that it lies in"),
    "cycle_of_two": (cycle_of_two, "is a symbolic link to a directory that it lies in"),
    "pipe": (os.mkfifo, "is a named pipe, not a file"),
    "socket": (listening_socket, "is a socket, not a file"),
    "device": (lambda path: path.symlink_to("/dev/null"), "is a device, not a file"),
}


@both
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_arrive_is_refused_by_name(tmp_path: Path, copy: Copy, case: str) -> None:
    make, reason = REFUSED[case]
    source = write(tmp_path / "source", a="1")
    make(source / "odd")
    with pytest.raises(OSError, match=reason) as refused:
        copy(source, tmp_path / "target")
    assert Path(refused.value.filename).is_relative_to(source / "odd")
    assert not (tmp_path / "target").exists()
    assert not hidden(tmp_path)


@both
@pytest.mark.parametrize("case", ["nowhere", "itself", "pipe", "socket", "device"])
def test_so_it_is_where_it_is_all_that_there_is(tmp_path: Path, copy: Copy, case: str) -> None:
    make, reason = REFUSED[case]
    make(tmp_path / "odd")
    target = write(tmp_path / "target", old="old")
    with pytest.raises(OSError, match=reason) as refused:
        copy(tmp_path / "odd", target)
    assert refused.value.filename == str(tmp_path / "odd")
    assert texts(target) == {"old": "old"}


@both
def test_what_is_missing_is_missing(tmp_path: Path, copy: Copy) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        copy(tmp_path / "nothing", write(tmp_path / "target", old="old"))
    assert texts(tmp_path / "target") == {"old": "old"}


@both
def test_a_directory_is_not_copied_into_itself(tmp_path: Path, copy: Copy) -> None:
    outer = write(tmp_path / "outer", a="1", inner__b="2")
    (tmp_path / "link").symlink_to(outer)
    with pytest.raises(CopyRefusedError, match="lies inside of"):
        copy(outer, tmp_path / "link" / "copy")
    with pytest.raises(CopyRefusedError, match="lies inside of"):
        copy(outer / "inner", outer)
    assert texts(outer) == {"a": "1", "inner/b": "2"}


# What goes wrong


def test_what_is_checked_and_found_wrong_changes_nothing(tmp_path: Path) -> None:
    source, target = write(tmp_path / "source", a="1"), write(tmp_path / "target", old="old")
    seen = []

    def check(copied: Copied) -> None:
        seen.append(copied)
        raise ValueError("not whole")

    for path in (source, source / "a"):
        with pytest.raises(ValueError, match="not whole"):
            copy_path(path, target, check=check)
    with pytest.raises(ValueError, match="not whole"):
        copy_path(source, target, merge=True, check=check)
    assert seen == [Copied(1, 1)] * 3
    assert texts(target) == {"old": "old"}
    assert not hidden(tmp_path)


def test_a_file_on_its_way_matches_no_pattern_of_a_dataset(tmp_path: Path) -> None:
    source = write(tmp_path, **{"source.csv": "1"}) / "source.csv"
    write(tmp_path / "parts", **{"a.csv": "old"})
    on_the_way = []

    def look(copied: Copied) -> None:
        on_the_way.extend(path for path in (tmp_path / "parts").rglob("*") if path.is_file())
        assert [path.name for path in (tmp_path / "parts").rglob("*.csv")] == ["a.csv"]

    copy_path(source, tmp_path / "parts" / "b.csv", check=look)
    assert len(on_the_way) == 2
    assert set(texts(tmp_path / "parts")) == {"a.csv", "b.csv"}


@both
def test_a_disk_that_is_full_leaves_nothing_and_is_named(tmp_path: Path, copy: Copy) -> None:
    source = write(tmp_path / "source", **{f"file_{number}": "x" for number in range(100)})
    (source / "large").write_bytes(bytes(1 << 20))
    told = in_child(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        try:
            copy(source, target)
        except OSError as error:
            print(error.strerror, error.filename)
        """,
        copy,
        source,
        tmp_path / "target",
    )
    assert told.startswith("File too large")
    assert told.endswith("/large")
    assert [entry.name for entry in tmp_path.iterdir()] == ["source"]


def test_what_a_killed_copy_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    source = write(tmp_path / "source", a="1")
    target = tmp_path / "target"
    child = in_child(
        """
        import os, signal
        copy(source, target, check=lambda copied: os.kill(os.getpid(), signal.SIGKILL))
        """,
        copy_path,
        source,
        target,
        exit_code=-signal.SIGKILL,
    )
    assert child == ""
    assert hidden(tmp_path)
    assert not target.exists()
    # Its parent may be copied meanwhile.
    copy_path(tmp_path, tmp_path.with_name(f"{tmp_path.name}-copy"))
    assert not hidden(tmp_path.with_name(f"{tmp_path.name}-copy"))
    copy_path(source, target)
    assert not hidden(tmp_path)


def test_what_another_process_is_copying_is_left_alone(tmp_path: Path) -> None:
    source, target = write(tmp_path / "source", a="1"), tmp_path / "target"
    left = []

    def copy_once_more(copied: Copied) -> None:
        left.extend(hidden(tmp_path))
        copy_path(source, target)
        assert hidden(tmp_path) == left

    copy_path(source, target, check=copy_once_more)
    assert len(left) == 1
    assert texts(target) == {"a": "1"}
    assert not hidden(tmp_path)


def test_of_simultaneous_copies_each_is_whole(tmp_path: Path) -> None:
    source, target = tree(tmp_path / "source"), tmp_path / "target"
    code = "for _ in range(10): copy(source, target)"
    children = [start_child(code, copy_path, source, target) for _ in range(3)]
    assert [child.wait() for child in children] == [0] * 3
    assert texts(target) == texts(source)
    assert not hidden(tmp_path)


def test_a_directory_that_was_not_finished_in_its_place_is_refused(tmp_path: Path) -> None:
    source, target = tree(tmp_path / "source"), tmp_path / "target"
    child = start_child("copy(source, target)", copy_in_place, source, target)
    while not (target / "1").is_dir():
        assert child.poll() is None
    child.kill()
    child.wait()
    for copy in (copy_path, copy_in_place):
        with pytest.raises(CopyRefusedError, match="is not whole") as refused:
            copy(target, tmp_path / "consumer")
        assert refused.value.filename == str(target)
    assert not (tmp_path / "consumer").exists()
    copy_in_place(source, target)
    copy_path(target, tmp_path / "consumer")
    assert texts(tmp_path / "consumer") == texts(source)


@pytest.mark.slow
@both
@pytest.mark.parametrize("old", [False, True], ids=["nothing", "another"])
def test_a_copy_may_be_killed_at_any_moment(tmp_path: Path, copy: Copy, old: bool) -> None:
    source, target, consumer = tree(tmp_path / "source"), tmp_path / "target", tmp_path / "consumer"
    whole = texts(source)
    previous = write(tmp_path / "previous", old="old")
    # In place there is a directory for a moment before its mark: empty, which metadata tells.
    allowed = [whole, {"old": "old"}] + [{}] * (copy is copy_in_place)
    started = time.monotonic()
    start_child("copy(source, target)", copy, source, target).wait()
    longest = time.monotonic() - started
    killed = 0
    for number in range(TRIES):
        remove(target)
        if old:
            copy_path(previous, target)
        child = start_child("print(flush=True); copy(source, target)", copy, source, target)
        assert child.stdout
        child.stdout.readline()
        time.sleep(longest * number / TRIES / 2)
        child.kill()
        killed += child.wait() == -signal.SIGKILL
        if target.exists():
            try:
                copy_path(target, consumer)
            except CopyRefusedError:
                assert copy is copy_in_place
            else:
                assert texts(consumer) in allowed
        copy(source, target)
        assert texts(target) == whole
        assert not hidden(tmp_path)
    assert killed > 1


def tree(path: Path) -> Path:
    """A directory of many files, its writing long enough to be killed half-way."""
    return write(path, **{f"{number % 20}__{number}": f"{number}" * 100 for number in range(FILES)})


def start_child(code: str, copy: Copy, source: Path, target: Path) -> subprocess.Popen[str]:
    """Run Python that uses `copy`, `source` and `target`, in a process of its own."""
    header = (
        "import sys\n"
        "from pathlib import Path\n"
        f"from kedro_vertexai.copying import {copy.__name__} as copy\n"
        "source, target = Path(sys.argv[1]), Path(sys.argv[2])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", header + dedent(code), source, target],
        stdout=subprocess.PIPE,
        text=True,
    )


def in_child(code: str, copy: Copy, source: Path, target: Path, exit_code: int = 0) -> str:
    """The same to its end: what it printed."""
    child = start_child(code, copy, source, target)
    printed, _ = child.communicate(timeout=60)
    assert child.returncode == exit_code
    return printed.strip()
