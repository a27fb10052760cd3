"""One schedule is made, whatever becomes of the requests, and whoever makes one beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients
from kedro_vertexai.targets.vertex.names import resource_id
from kedro_vertexai.targets.vertex.retry import Patience, refused, retried, transient
from kedro_vertexai.targets.vertex.schedules import (
    COMPLETED,
    delete_schedule,
    has_labels,
    labels_of,
    list_once,
    list_schedules,
    state_of,
)

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule


def create_schedule(
    clients: GoogleClients, wanted: Schedule, patience: Patience | None = None
) -> Schedule:
    """Make a schedule once, whatever becomes of the requests.

    The service chooses the id, so whether a request whose answer was lost has been heard is looked
    up before another one is sent.

    Args:
        clients: of the project and region.
        wanted: of which there is none yet that could still run.
        patience: how long transient errors are waited out.

    Raises:
        Exception: the client's: the service refuses, or cannot be reached.
    """
    in_doubt = False

    def created() -> Schedule:
        nonlocal in_doubt
        if in_doubt and (made := _made_before(clients, wanted)):
            return made
        try:
            return clients.schedules.create_schedule(
                parent=clients.location.parent, schedule=wanted, retry=None, timeout=TIMEOUT
            )
        except Exception as error:
            in_doubt = in_doubt or (transient(error) and not refused(error))
            raise

    return retried(created, patience)


def earliest_schedule(
    clients: GoogleClients,
    made: Schedule,
    labels: Mapping[str, str],
    patience: Patience | None = None,
) -> Schedule:
    """Of schedules that were made at the same moment, the first; `made` is deleted if it is not.

    The service takes any number of schedules alike, so two commands at once make two. Both look
    afterwards, and whoever finds an earlier one deletes his own.

    Args:
        clients: of the project and region.
        made: by this command.
        labels: by which schedules of the same are known.
        patience: how long transient errors are waited out.

    Raises:
        Exception: the client's.
    """
    number = resource_id(made.name)
    others = [
        one
        for one in list_schedules(clients, labels, patience)
        if state_of(one) != COMPLETED and resource_id(one.name) != number
    ]
    first = min([made, *others], key=lambda one: (one.create_time, resource_id(one.name)))
    if first is not made:
        delete_schedule(clients, made, patience)
    return first


def _made_before(clients: GoogleClients, wanted: Schedule) -> Schedule | None:
    """The schedule that `wanted` asks for, if there is one: a completed one never runs again."""
    labels = labels_of(wanted)
    return next(
        (
            one
            for one in list_once(clients)
            if (one.display_name, one.cron) == (wanted.display_name, wanted.cron)
            and has_labels(one, labels)
            and state_of(one) != COMPLETED
        ),
        None,
    )
