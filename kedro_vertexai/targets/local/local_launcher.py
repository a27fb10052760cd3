"""Chooses for each command between a fork of a warm process and a fresh process."""

from collections.abc import Callable

from kedro_vertexai.targets.local.fork_launcher import ForkLauncher
from kedro_vertexai.targets.local.launcher import Command, Process, SubprocessLauncher


class LocalLauncher:
    """Starts tasks on this machine."""

    def __init__(self, forks: ForkLauncher | None, warn: Callable[[str], None]) -> None:
        """Take charge of a fork server, if there is one.

        Args:
            forks: closed with this launcher; None: every task is a fresh process.
            warn: called with one line if the fork server cannot be used; from any thread.
        """
        self._forks = forks
        self._fresh = SubprocessLauncher()
        self._warn = warn
        self._has_warned = False

    def start(self, command: Command) -> Process:
        """Start a command.

        Raises:
            TaskError: if it cannot be started.
        """
        if self._forks is not None and self._forks.suits(command):
            return self._forks.start(command)
        self._explain()
        return self._fresh.start(command)

    def close(self) -> None:
        """Kill whatever still runs."""
        self._fresh.close()
        if self._forks is not None:
            self._forks.close()

    def _explain(self) -> None:
        threads = self._forks.threads if self._forks is not None else []
        if threads and not self._has_warned:
            self._has_warned = True
            self._warn(
                "tasks start as fresh processes, which is slower: a module imported for all of "
                f"them started threads ({', '.join(threads)})"
            )
