"""What went wrong between a task and the MLflow server, in one line without credentials."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.errors import AuthError, TrackingError
from kedro_vertexai.location import without_credentials


@contextmanager
def one_line_errors(what: str) -> Iterator[None]:
    """Let what MLflow raises within this block be told in one line.

    Args:
        what: cannot be done, as in "cannot join the run".

    Raises:
        TrackingError: it names the server and the reason.
    """
    try:
        yield
    except Exception as error:
        if not _is_mlflows(error):
            raise
        raise TrackingError(f"{what}: {server_error(error) or _said(error)}") from error


def server_error(error: BaseException) -> str | None:
    """Which server could not be reached or refused, and why; None for any other error."""
    if not _is_mlflows(error):
        return None
    if (reason := _reason(error)) is None:
        return None
    return f"MLflow at {server()}: {reason}"


def server() -> str:
    """The tracking server of this process."""
    import mlflow

    return without_credentials(mlflow.get_tracking_uri())


def _is_mlflows(error: BaseException) -> bool:
    if "mlflow" not in sys.modules:
        return False
    from mlflow.exceptions import MlflowException

    return any(isinstance(link, MlflowException) for link in _chain(error))


def _reason(error: BaseException) -> str | None:
    from mlflow.exceptions import RestException
    from requests.exceptions import RequestException

    for link in _chain(error):
        if isinstance(link, AuthError):
            return reason_of(link)
        if isinstance(link, RestException):
            return f"it answers {_said(link)}"
        if isinstance(link, RequestException):
            return _why_no_answer(link)
    # MLflow's words for an answer that is none of its own: a proxy's page.
    text = _said(error)
    return text if text.startswith("API request to endpoint") else None


def _why_no_answer(error: BaseException) -> str:
    """The cause below what requests and urllib3 wrap around it."""
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None) or next(iter(cause.args), None)
        if not isinstance(inner, BaseException):
            break
        cause = inner
    if isinstance(cause, (TimeoutError, ReadTimeoutError)) or "timed out" in str(cause):
        return "it does not answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    text = str(cause)
    if isinstance(cause, HTTPError):
        # What comes before the last colon names the connection, not what is wrong with it.
        text = text.rpartition(": ")[2] or text
    return re.sub(r"^\[Errno -?\d+\] ", "", " ".join(text.split()))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _said(error: BaseException) -> str:
    """MLflow's own message on one line, without what looks like a token."""
    return reason_of(error).partition(": ")[2] or reason_of(error)
