"""What Google answers instead of doing what it was asked, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import Location

_REQUEST = re.compile(r"^[A-Z]+ \S+: ")


@contextmanager
def google_errors(location: Location) -> Iterator[None]:
    """One line for whatever keeps Vertex AI from answering.

    Raises:
        RunError: in place of the client's error.
    """
    from google.api_core.exceptions import Forbidden, GoogleAPICallError, Unauthorized
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
    from requests import RequestException

    where = f"Vertex AI in project {location.project_id}, region {location.region},"
    try:
        yield
    except (DefaultCredentialsError, RefreshError, Unauthorized) as error:
        raise RunError(
            f"{where} cannot be asked without valid credentials: "
            "run `gcloud auth application-default login`"
        ) from error
    except Forbidden as error:
        raise RunError(f"{where} denies permission: {_line(error.message)}") from error
    except (TransportError, RequestException) as error:
        raise RunError(f"{where} cannot be reached: {type(error).__name__}") from error
    except GoogleAPICallError as error:
        raise RunError(f"{where} answers {error.code}: {_line(error.message)}") from error


def _line(text: str | None) -> str:
    """The service's own words, before which the client puts the request."""
    return _REQUEST.sub("", " ".join((text or "").split()))
