"""Gives the user what containers have made under another user."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.targets.docker.client import told
from kedro_vertexai.targets.docker.machine import Machine

if TYPE_CHECKING:
    from docker import DockerClient

# Of a directory, the last bit makes what is made in it belong to its group.
_DIRECTORY, _FILE = 0o2070, 0o060


def let_group_write(root: Path) -> None:
    """Let a container's user, to whom we lend our group, write into a place of ours.

    Nobody else gains a right by that. What belongs to another user is left as it is.
    """
    for path in _tree(root):
        state = path.lstat()
        bits = _DIRECTORY if path.is_dir() else _FILE
        if not path.is_symlink() and state.st_uid == os.getuid() and state.st_mode & bits != bits:
            path.chmod(state.st_mode & 0o7777 | bits)


def group_to_lend(machine: Machine) -> int:
    """The number, inside a container, of this user's group."""
    return 0 if machine.is_rootless else os.getgid()


def take_back(client: DockerClient, machine: Machine, image: str, roots: Sequence[Path]) -> None:
    """Become the owner of everything in these places.

    Only root may give files away: root in a container that sees nothing else, if we are not.

    Args:
        client: of the engine.
        machine: of the engine.
        image: one that is here and has `chown`.
        roots: files and directories that exist.

    Raises:
        TaskError: it cannot be done.
    """
    if machine.is_desktop or not any(_foreign(root) for root in roots):
        return
    if os.getuid() == 0:
        for root in roots:
            for path in _tree(root):
                os.chown(path, 0, os.getgid(), follow_symlinks=False)
        return
    from docker.types import Mount

    owner = "0:0" if machine.is_rootless else f"{os.getuid()}:{os.getgid()}"
    with told("files of containers stay those of their user"):
        client.containers.run(
            image,
            entrypoint=["chown"],
            command=["-Rh", owner, *map(str, roots)],
            user="0:0",
            network_mode="none",
            mounts=[Mount(str(root), str(root), type="bind") for root in roots],
            remove=True,
        )


def _foreign(root: Path) -> bool:
    return any(path.lstat().st_uid != os.getuid() for path in _tree(root))


def _tree(root: Path) -> Iterator[Path]:
    yield root
    for parent, directories, files in os.walk(root):
        yield from (Path(parent, name) for name in (*directories, *files))
