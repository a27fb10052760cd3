"""Object stores and other file systems by their URI; each of their errors is one line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro_vertexai.errors import RunError, VertexAIError

# What makes fsspec know a protocol.
_PACKAGES = {
    "gs": "kedro-vertexai[gcs]",
    "gcs": "kedro-vertexai[gcs]",
    "s3": "s3fs",
    "s3a": "s3fs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
}
# Where an object appears whole or not at all, and a directory is but a part of a name.
_OBJECT_STORES = frozenset({"gs", "gcs", "s3", "s3a", "abfs", "abfss", "az", "memory"})
_LOGIN = {
    "gs": "run `gcloud auth application-default login`",
    "gcs": "run `gcloud auth application-default login`",
}
_NO_CREDENTIALS = ("CredentialsError", "RefreshError", "NonRetryableError")
_NO_CONNECTION = ("ConnectionError", "ConnectorError", "ConnectorDNSError", "TransportError")
_DISCONNECTED = ("ServerDisconnectedError", "FSTimeoutError", "ReadTimeout", "ConnectTimeout")


def protocol_of(uri: str) -> str:
    """The protocol of a URI, `file` for a path."""
    scheme, separator, _ = uri.partition("://")
    return scheme if separator else "file"


def is_object_store(uri: str) -> bool:
    """Whether an object appears there whole or not at all, without directories above it."""
    return protocol_of(uri) in _OBJECT_STORES


def open_filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec file system of a URI, and the URI as a path in it.

    Nothing is cached between calls: other processes write there, too.

    Raises:
        RunError: its package is not installed, the protocol is unknown, or there are no
            credentials.
    """
    protocol = protocol_of(uri)
    try:
        class_ = _filesystem_class(protocol)
    except ImportError as error:
        package = _PACKAGES.get(protocol)
        reason = f"pip install '{package}'" if package else " ".join(str(error).split())
        raise RunError(f"{uri} needs a package that is not installed: {reason}") from error
    except ValueError as error:
        raise RunError(f"{uri}: no file system is known for {protocol}://") from error
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if protocol in ("gs", "gcs"):
        # Never on as nobody, which ends in a puzzling refusal; an emulator asks nobody's name.
        options["token"] = "anon" if os.environ.get("STORAGE_EMULATOR_HOST") else "google_default"
    with storage_errors(uri):
        return class_(**options), class_._strip_protocol(uri)


def _filesystem_class(protocol: str) -> Any:
    import fsspec

    if protocol not in ("gs", "gcs"):
        return fsspec.get_filesystem_class(protocol)
    # gcsfs logs the traceback of what it then raises.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    # The class that fsspec has for gs:// asks another service, over gRPC, what kind of bucket
    # it is, and again for each object while it gets no answer.
    from gcsfs.core import GCSFileSystem

    return GCSFileSystem


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """Turn whatever a file system raises into one line that names the place.

    Raises:
        RunError: in place of any other exception.
    """
    try:
        yield
    except VertexAIError:
        raise
    except Exception as error:
        raise RunError(f"{place}: {_reason(error, protocol_of(place))}") from error


def _reason(error: Exception, protocol: str) -> str:
    """What went wrong, from the error's kind: each package has classes of its own."""
    status, kind = _status(error), type(error).__name__
    text = _last_line(error)
    if status == 401 or kind.endswith(_NO_CREDENTIALS):
        login = _LOGIN.get(protocol, "see how its fsspec package is given them")
        return f"no valid credentials for {protocol}://: {login}"
    if isinstance(error, FileNotFoundError) or status == 404:
        return f"no such bucket or object ({text})"
    if isinstance(error, PermissionError) or status == 403 or str(error).startswith("Forbidden"):
        return f"permission denied ({text})"
    if kind.endswith((*_NO_CONNECTION, *_DISCONNECTED)) or isinstance(error, ConnectionError):
        return f"cannot be reached ({text})"
    return f"{kind}: {text}"


def _status(error: Exception) -> int | None:
    """The HTTP status of an error of gcsfs, botocore or google-api-core."""
    code: Any = getattr(error, "code", None)
    response = getattr(error, "response", None)
    if code is None and isinstance(response, dict):
        code = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return int(code) if str(code).isdigit() else None


def _last_line(error: Exception) -> str:
    """What the service itself said: gcsfs puts the URL on a line before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
