"""Vertex ML Metadata's contexts, of which Vertex AI's experiments are made.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.metadataStores.contexts
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import Context, ListContextsResponse

from google_service import listing
from google_service.errors import GoogleError, invalid, not_found
from google_service.job import Job
from google_service.messages import field_mask, now, parse, render
from google_service.operations import Operations
from google_service.place import API, Place, new_number
from google_service.web import Request, Route

_CONTEXT_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,127}")
_FILTERS = ("name", "display_name", "schema_title", "create_time", "update_time", "labels")
_OUTPUT_ONLY = ("name", "create_time", "update_time", "parent_contexts")


class Metadata:
    """The store `default` of the project."""

    def __init__(self, place: Place, operations: Operations) -> None:
        self.exists = True
        """Whether the project has the store: not before the region is first used."""
        self._place = place
        self._operations = operations
        self._contexts: dict[str, Any] = {}
        self._members: dict[str, set[str]] = {}
        self._lock = threading.RLock()

    def routes(self) -> list[Route]:
        stores = "/v1/projects/{project}/locations/{location}/metadataStores"
        base = f"{stores}/{{store}}/contexts"
        one = f"{base}/{{context}}"
        return [
            Route("POST", stores, self._create_store),
            Route("GET", f"{stores}/{{store}}", self._get_store),
            Route("POST", base, self._create),
            Route("GET", base, self._list),
            Route("GET", one, self._get),
            Route("PATCH", one, self._update),
            Route("DELETE", one, self._delete),
            Route("POST", f"{one}:addContextChildren", self._add_children),
            Route("POST", f"{one}:addContextArtifactsAndExecutions", self._add_members),
        ]

    def contexts(self, schema_title: str = "") -> list[Any]:
        """Copies of the `Context` messages."""
        with self._lock:
            found = [Context.pb(Context()) for _ in self._contexts]
            for copy, context in zip(found, self._contexts.values(), strict=True):
                copy.CopyFrom(context)
        return [context for context in found if schema_title in ("", context.schema_title)]

    def members(self, context: str) -> set[str]:
        """The names of the artifacts and executions of a context, given by its full name."""
        with self._lock:
            return set(self._members.get(context, ()))

    def add_run(self, job: Job) -> tuple[Any, Any]:
        """Make the contexts that Vertex AI makes for a job: of its pipeline and of the run."""
        pipeline = job.spec["pipelineInfo"]["name"]
        with self._lock:
            self.exists = True
            of_pipeline = self._contexts.get(pipeline) or self._add(pipeline, "system.Pipeline")
            of_run = self._add(job.id, "system.PipelineRun")
            of_run.parent_contexts.append(of_pipeline.name)
            return of_pipeline, of_run

    # The API

    def _create_store(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "metadataStores.create")
        if self.exists:
            raise GoogleError(409, f"MetadataStore {self._store} already exists.")
        self.exists = True
        return self._operations.start(
            "CreateMetadataStoreOperationMetadata",
            {
                "@type": "type.googleapis.com/google.cloud.aiplatform.v1.MetadataStore",
                "name": self._store,
            },
        )

    def _get_store(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._check_store(names)
        return {"name": self._store}

    def _create(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._check_store(names)
        given = Context.pb(Context())
        parse(request.body, given, "context")
        context_id = request.query.get("contextId") or new_number()
        if not _CONTEXT_ID.fullmatch(context_id):
            raise invalid(f"Invalid context ID '{context_id}'.", "context_id")
        with self._lock:
            if context_id in self._contexts:
                raise GoogleError(
                    409, f"Context with name {self._store}/contexts/{context_id} already exists"
                )
            context = self._add(context_id, given.schema_title)
            for field in ("display_name", "description", "schema_version"):
                setattr(context, field, getattr(given, field))
            context.metadata.CopyFrom(given.metadata)
            context.labels.update(given.labels)
            return render(context, request)

    def _get(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            return render(self._named(names), request)

    def _list(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._check_store(names)
        found = listing.selected(self.contexts(), request.query.get("filter", ""), _FILTERS)
        page, token = listing.page(
            found, request.query.get("pageSize", ""), request.query.get("pageToken", "")
        )
        response = ListContextsResponse.pb(ListContextsResponse())
        response.contexts.extend(page)
        response.next_page_token = token
        return render(response, request)

    def _update(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        given = Context.pb(Context())
        parse(request.body, given, "context")
        with self._lock:
            context = self._named(names)
            if given.etag and given.etag != context.etag:
                raise GoogleError(409, "The etag does not match.", status="ABORTED")
            mask = field_mask(given, request.query.get("updateMask", ""))
            paths = [path for path in mask.paths if path not in _OUTPUT_ONLY]
            mask.paths[:] = paths
            mask.MergeMessage(given, context, replace_message_field=True)
            context.update_time.CopyFrom(now())
            context.etag = new_number()
            return render(context, request)

    def _delete(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            self._named(names)
            del self._contexts[names["context"]]
        return self._operations.start("DeleteOperationMetadata")

    def _add_children(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            parent = self._named(names)
            children = [
                self._named({**names, "context": str(name).rpartition("/")[2]})
                for name in request.body.get("childContexts", [])
            ]
            for child in children:
                if parent.name not in child.parent_contexts:
                    child.parent_contexts.append(parent.name)
        return {}

    def _add_members(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        body = request.body
        with self._lock:
            context = self._named(names)
            members = self._members.setdefault(context.name, set())
            members.update([*body.get("artifacts", []), *body.get("executions", [])])
        return {}

    # Inside

    @property
    def _store(self) -> str:
        return f"{self._place.parent}/metadataStores/default"

    def _add(self, context_id: str, schema_title: str) -> Any:
        context = Context.pb(Context())
        context.name = f"{self._store}/contexts/{context_id}"
        context.display_name = context_id
        context.schema_title = schema_title
        context.etag = new_number()
        for field in ("create_time", "update_time"):
            getattr(context, field).CopyFrom(now())
        self._contexts[context_id] = context
        return context

    def _check_store(self, names: Mapping[str, str]) -> None:
        self._place.check(names, "metadataStores.get")
        if not self.exists or names["store"] != "default":
            raise not_found(
                f"MetadataStore {self._place.parent}/metadataStores/{names['store']} not found."
            )

    def _named(self, names: Mapping[str, str]) -> Any:
        self._check_store(names)
        context = self._contexts.get(names["context"])
        if context is None:
            raise not_found(
                f"Context with name {self._store}/contexts/{names['context']} does not exist on "
                f"{API}"
            )
        return context
