"""One container, from its start to its removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.docker.client import told
from kedro_vertexai.targets.docker.failures import failure
from kedro_vertexai.targets.local.engine import Work

if TYPE_CHECKING:
    from docker.models.containers import Container

# Shells and engines add a signal's number to this.
_SIGNALLED = 128
_LAST_SIGNAL = 64


class ContainerProcess:
    """A container that runs one attempt; it is gone when `wait` returns.

    Args:
        container: made, and not started.
        work: what it does.

    Raises:
        TaskError: it cannot be started; it is removed.
    """

    def __init__(self, container: Container, work: Work) -> None:
        self._container = container
        self._work = work
        try:
            with told("the container cannot be started"):
                # Before the start, so that no output is lost and the engine need keep none.
                self._output: Iterator[bytes] = container.attach(
                    stdout=True, stderr=True, stream=True
                )
                container.start()
        except TaskError:
            self.remove()
            raise

    def wait(self) -> int:
        """Copy what the container prints into the log until it ends.

        Raises:
            TaskError: its end cannot be known, or its surroundings made it fail.
        """
        try:
            self._copy_output()
            with told("the container was lost"):
                code = int(self._container.wait()["StatusCode"])
                self._container.reload()
            reason = failure(self._work, code, self._container.attrs["State"]) if code else None
        finally:
            self.remove()
        if reason:
            raise TaskError(reason)
        if _SIGNALLED < code <= _SIGNALLED + _LAST_SIGNAL:
            return _SIGNALLED - code
        return code

    def signal(self, number: int) -> None:
        """Send a signal; one that has ended is left alone."""
        with suppress(TaskError), told("the container cannot be signalled"):
            self._container.kill(signal=int(number))

    def remove(self) -> None:
        """Remove the container, killed if need be; what an engine has lost is lost."""
        with suppress(TaskError), told("the container cannot be removed"):
            self._container.remove(force=True, v=True)

    def _copy_output(self) -> None:
        log = self._work.paths.log
        try:
            with log.open("ab", buffering=0) as file, told("the container was lost"):
                for chunk in self._output:
                    file.write(chunk)
        except OSError as error:
            raise TaskError(f"its log {log} cannot be written: {error.strerror}") from error
