"""The region has the accelerators that tasks ask for, which is what differs between regions."""

from __future__ import annotations

from collections.abc import Iterator

from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.preflight.asking import ask
from kedro_vertexai.targets.vertex.preflight.finding import Finding, UncheckedError, warning
from kedro_vertexai.targets.vertex.preflight.subject import Subject

_MOST_REGIONS = 6


def check_accelerators(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """A warning for each type of GPU that no zone of the region has.

    Vertex AI does not tell what it has where. Its machines are Compute Engine's, which does.

    Raises:
        UncheckedError: Compute Engine does not tell.
    """
    region = clients.location.region
    for kind in _kinds(subject):
        regions = _regions(clients, kind)
        # Where no region has it, Compute Engine calls it otherwise.
        if not regions or region in regions:
            continue
        others = ", ".join(regions[:_MOST_REGIONS])
        yield warning(
            f"no zone of {region} has {kind}, which run_config.node_selectors asks for",
            f"use another type, or set region to one that has it, as {others}",
        )


def _kinds(subject: Subject) -> list[str]:
    found = {
        str(container.get("resources", {}).get("accelerator", {}).get("type", ""))
        for _, container in subject.containers
    }
    return sorted(kind for kind in found if kind.startswith("NVIDIA_"))


def _regions(clients: GoogleClients, kind: str) -> list[str]:
    """https://cloud.google.com/compute/docs/reference/rest/v1/acceleratorTypes/aggregatedList."""
    base = endpoint("compute", "https://compute.googleapis.com/compute/v1")
    url = f"{base}/projects/{clients.location.project_id}/aggregated/acceleratorTypes"
    # Both name a type alike but for this: https://cloud.google.com/compute/docs/gpus
    name = kind.lower().replace("_", "-")
    answer = ask(clients, url, {"filter": f'name="{name}"', "returnPartialSuccess": "true"})
    if not answer.found:
        raise UncheckedError(f"project {clients.location.project_id} is not found")
    zones = (
        place.removeprefix("zones/")
        for place, held in answer.body.get("items", {}).items()
        if held.get("acceleratorTypes")
    )
    return sorted({zone.rpartition("-")[0] for zone in zones})
