"""Schedules of pipeline jobs: found by what they are of, changed in place, paused and deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients
from kedro_vertexai.targets.vertex.retry import PATIENCE_OF_A_READER, Patience, retried
from kedro_vertexai.targets.vertex.schedule_changes import Change

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule

logger = logging.getLogger(__name__)

# The other kind of schedule runs notebooks.
_OF_JOBS = "create_pipeline_job_request:*"
COMPLETED, PAUSED, ACTIVE = "COMPLETED", "PAUSED", "ACTIVE"


def labels_of(schedule: Schedule) -> Mapping[str, str]:
    """The labels of its jobs: a schedule has none of its own."""
    return schedule.create_pipeline_job_request.pipeline_job.labels


def has_labels(schedule: Schedule, labels: Mapping[str, str]) -> bool:
    """Whether its jobs have all of these labels."""
    return labels.items() <= dict(labels_of(schedule)).items()


def list_schedules(
    clients: GoogleClients, labels: Mapping[str, str], patience: Patience | None = None
) -> list[Schedule]:
    """The schedules whose jobs have these labels, the newest first.

    Raises:
        Exception: the client's, for `google_errors`.
    """
    return [one for one in all_schedules(clients, patience) if has_labels(one, labels)]


def all_schedules(clients: GoogleClients, patience: Patience | None = None) -> list[Schedule]:
    """All schedules of pipeline jobs in the project and region, the newest first.

    A filter cannot ask for labels of the job inside.

    Raises:
        Exception: the client's.
    """
    return retried(lambda: list_once(clients), patience)


def list_once(clients: GoogleClients) -> list[Schedule]:
    """The same, asked without patience.

    Raises:
        Exception: the client's.
    """
    from google.cloud.aiplatform_v1.types import ListSchedulesRequest

    request = ListSchedulesRequest(
        parent=clients.location.parent, filter=_OF_JOBS, order_by="create_time desc"
    )
    return list(clients.schedules.list_schedules(request, retry=None, timeout=TIMEOUT))


def update_schedule(
    clients: GoogleClients,
    existing: Schedule,
    wanted: Schedule,
    changes: Sequence[Change],
    patience: Patience | None = None,
) -> Schedule:
    """Change a schedule in place, and leave it paused if it was; return it as it is then.

    Sent twice, the same update does what it does once. The documentation does not say that an
    update leaves the state alone, and no request can change a schedule and its state at once. So
    a paused one is looked at afterwards, also where nobody has waited for the answer.

    Raises:
        Exception: the client's.
    """
    from google.protobuf.field_mask_pb2 import FieldMask

    update = type(wanted)(wanted)
    update.name = existing.name
    mask = FieldMask(paths=list(dict.fromkeys(change.path for change in changes)))
    is_paused = state_of(existing) == PAUSED or has_lost_its_pause(existing)
    try:
        updated = retried(
            lambda: clients.schedules.update_schedule(
                schedule=update, update_mask=mask, retry=None, timeout=TIMEOUT
            ),
            patience,
        )
    except BaseException:
        if is_paused:
            _try_to_keep_paused(clients, existing.name)
        raise
    return keep_paused(clients, existing.name, patience) if is_paused else updated


def _try_to_keep_paused(clients: GoogleClients, name: str) -> None:
    """Do so while another error is on its way to the user, who must hear of that one."""
    try:
        keep_paused(clients, name, PATIENCE_OF_A_READER)
    except Exception as error:
        logger.warning(
            "the schedule was paused and may run now: `kedro vertexai schedule --list` shows it "
            "(%s)",
            error,
        )


def keep_paused(clients: GoogleClients, name: str, patience: Patience | None = None) -> Schedule:
    """Pause a schedule if it runs, and return it as it is then.

    Raises:
        Exception: the client's.
    """
    found = get_schedule(clients, name, patience)
    if state_of(found) != ACTIVE:
        return found
    pause_schedule(clients, found, patience)
    return get_schedule(clients, name, patience)


def has_lost_its_pause(schedule: Schedule) -> bool:
    """Whether it runs though it was paused, and nobody has resumed it since.

    So an update leaves it whose command was killed before it could look at it again.
    """
    paused, resumed = schedule.last_pause_time, schedule.last_resume_time
    runs = state_of(schedule) == ACTIVE
    return bool(runs and paused and (not resumed or resumed < paused))


def get_schedule(clients: GoogleClients, name: str, patience: Patience | None = None) -> Schedule:
    """Ask for a schedule by its full name.

    Raises:
        Exception: the client's.
    """
    return retried(
        lambda: clients.schedules.get_schedule(name=name, retry=None, timeout=TIMEOUT), patience
    )


def pause_schedule(
    clients: GoogleClients, schedule: Schedule, patience: Patience | None = None
) -> None:
    """Start no more jobs until it is resumed; those that run go on.

    Raises:
        Exception: the client's.
    """
    _set_state(
        clients,
        schedule,
        PAUSED,
        lambda: clients.schedules.pause_schedule(name=schedule.name, retry=None, timeout=TIMEOUT),
        patience,
    )


def resume_schedule(
    clients: GoogleClients, schedule: Schedule, patience: Patience | None = None
) -> None:
    """Start jobs again from the next time on. What was missed is not made up for.

    Raises:
        Exception: the client's.
    """
    from google.cloud.aiplatform_v1.types import ResumeScheduleRequest

    request = ResumeScheduleRequest(name=schedule.name, catch_up=False)
    _set_state(
        clients,
        schedule,
        ACTIVE,
        lambda: clients.schedules.resume_schedule(request, retry=None, timeout=TIMEOUT),
        patience,
    )


def delete_schedule(
    clients: GoogleClients, schedule: Schedule, patience: Patience | None = None
) -> None:
    """Delete a schedule; its jobs stay, those that run go on.

    Raises:
        Exception: the client's.
    """
    from google.api_core.exceptions import NotFound

    def deleted() -> None:
        try:
            operation = clients.schedules.delete_schedule(
                name=schedule.name, retry=None, timeout=TIMEOUT
            )
        except NotFound:
            # An earlier request was heard, or somebody else's.
            return
        operation.result(timeout=TIMEOUT)  # type: ignore[no-untyped-call]

    retried(deleted, patience)


def state_of(schedule: Schedule) -> str:
    """`ACTIVE`, `PAUSED` or `COMPLETED`."""
    return str(schedule.state.name)


def _set_state(
    clients: GoogleClients,
    schedule: Schedule,
    state: str,
    call: Callable[[], None],
    patience: Patience | None,
) -> None:
    from google.api_core.exceptions import BadRequest

    def done() -> None:
        try:
            call()
        except BadRequest:
            # Refused if it is so already, as after a request whose answer was lost.
            now = clients.schedules.get_schedule(name=schedule.name, retry=None, timeout=TIMEOUT)
            if state_of(now) != state:
                raise

    retried(done, patience)
