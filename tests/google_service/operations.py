"""Long-running operations: what a deletion answers with.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.operations
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from google_service.errors import not_found
from google_service.place import Place, new_number
from google_service.web import Request, Route

_TYPE = "type.googleapis.com/google.cloud.aiplatform.v1."
_EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}


@dataclass
class Operations:
    """Operations by number; each is done when it is asked after for the first time."""

    place: Place
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> list[Route]:
        base = "projects/{project}/locations/{location}/operations/{operation}"
        return [
            Route("GET", f"/v1/{base}", self._get),
            Route("POST", f"/v1/{base}:wait", self._get),
            # What the generated REST client asks: rest_operations in its http_options.
            Route("GET", f"/ui/{base}", self._get),
        ]

    def start(
        self, metadata_type: str, response: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return a new operation, not done yet.

        Args:
            metadata_type: as `DeleteOperationMetadata`.
            response: of the operation once it is done, with its `@type`; nothing without.
        """
        number = new_number()
        moment = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        operation = {
            "name": f"{self.place.parent}/operations/{number}",
            "metadata": {
                "@type": _TYPE + metadata_type,
                "genericMetadata": {"createTime": moment, "updateTime": moment},
            },
        }
        with self._lock:
            self._known[number] = {**operation, "done": True, "response": dict(response or _EMPTY)}
        return operation

    def _get(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self.place.check(names)
        with self._lock:
            operation = self._known.get(names["operation"])
        if operation is None:
            raise not_found(f"Operation {names['operation']} not found.")
        return operation
