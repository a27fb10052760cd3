"""All checks at once, within a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.preflight.accelerators import check_accelerators
from kedro_vertexai.targets.vertex.preflight.apis import check_apis
from kedro_vertexai.targets.vertex.preflight.bucket import check_bucket
from kedro_vertexai.targets.vertex.preflight.bucket_access import check_bucket_access
from kedro_vertexai.targets.vertex.preflight.finding import Finding, UncheckedError, warning
from kedro_vertexai.targets.vertex.preflight.image import check_images
from kedro_vertexai.targets.vertex.preflight.resources import check_resources
from kedro_vertexai.targets.vertex.preflight.service_account import check_service_account
from kedro_vertexai.targets.vertex.preflight.spec_limits import check_spec
from kedro_vertexai.targets.vertex.preflight.subject import Subject

TIME_LIMIT = 20.0  # seconds for all checks together
Check = Callable[[GoogleClients, Subject], Iterable[Finding]]

# By what a user calls that which is checked.
CHECKS: dict[str, Check] = {
    "the bucket": check_bucket,
    "the service account's access to the bucket": check_bucket_access,
    "the image": check_images,
    "the service account": check_service_account,
    "the enabled APIs": check_apis,
    "the resources": check_resources,
    "the region's accelerators": check_accelerators,
    "the pipeline spec": check_spec,
}


def check(
    clients: GoogleClients, subject: Subject, *, time_limit: float = TIME_LIMIT
) -> list[Finding]:
    """What could keep the job from running: errors first, then warnings, then notes.

    Args:
        clients: of the project and region that it is submitted to.
        subject: the job.
        time_limit: seconds after which what has not answered counts as unchecked.
    """
    runs = [_Run(title, function, clients, subject) for title, function in CHECKS.items()]
    deadline = time.monotonic() + time_limit
    for run in runs:
        run.wait_until(deadline)
    findings = [finding for run in runs for finding in run.findings]
    findings += _unchecked(runs, time_limit)
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.level)


class _Run:
    """One check in a thread of its own, which ends with the process if nobody answers."""

    def __init__(
        self, title: str, function: Check, clients: GoogleClients, subject: Subject
    ) -> None:
        self.title = title
        self.findings: tuple[Finding, ...] = ()
        self.reason: str | None = None
        self._failure: Exception | None = None
        self._function = function
        self._arguments = clients, subject
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_until(self, deadline: float) -> None:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._failure is not None:
            raise self._failure

    @property
    def is_late(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        found = []
        try:
            for finding in self._function(*self._arguments):
                found.append(finding)  # noqa: PERF402 what was found before a failure counts
        except UncheckedError as error:
            self.reason = str(error)
        except Exception as error:  # a defect of ours belongs to the thread that called
            self._failure = error
        self.findings = tuple(found)


def _unchecked(runs: Iterable[_Run], time_limit: float) -> Iterator[Finding]:
    """One warning for each reason, not one for each check."""
    by_reason: dict[str, list[str]] = {}
    for run in runs:
        reason = f"no answer within {time_limit:g} s" if run.is_late else run.reason
        if reason is not None:
            by_reason.setdefault(reason, []).append(run.title)
    for reason, titles in by_reason.items():
        yield warning(f"not checked: {', '.join(titles)} ({reason})")
