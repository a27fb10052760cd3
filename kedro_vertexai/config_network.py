"""What `vertexai.yml` says of networks: where the tasks run, and what they reach."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, model_validator

from kedro_vertexai.config_section import Section
from kedro_vertexai.config_values import HostName, IpAddress, Name

# Names of Compute Engine's resources:
# https://cloud.google.com/compute/docs/naming-resources#resource-name-format
_RESOURCE = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_RANGE = re.compile(_RESOURCE)
_ATTACHMENT = re.compile(rf"(projects/[^/\s]+/regions/[a-z0-9-]+/networkAttachments/)?{_RESOURCE}")
_DOMAIN = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+", re.IGNORECASE)


def _range(name: str) -> str:
    if not _RANGE.fullmatch(name):
        raise ValueError("expected the name of a reserved IP range, such as vertex-ai-ip-range")
    return name


def _attachment(name: str) -> str:
    if not _ATTACHMENT.fullmatch(name):
        raise ValueError(
            "expected a network attachment: its name, or "
            "projects/PROJECT/regions/REGION/networkAttachments/NAME"
        )
    return name


def _domain(name: str) -> str:
    if not _DOMAIN.fullmatch(name):
        raise ValueError("expected a DNS suffix that ends in a dot, such as my-domain.corp.")
    return name


RangeName = Annotated[Name, AfterValidator(_range)]


class HostAliasConfig(Section):
    """One line of the hosts file of every task."""

    ip: IpAddress
    hostnames: tuple[HostName, ...]


class NetworkConfig(Section):
    """Where the tasks' machines stand, and what they know of their neighbours."""

    vpc: Name | None = None
    host_aliases: tuple[HostAliasConfig, ...] = ()


class DnsPeeringConfig(Section):
    """A DNS suffix that tasks resolve as another project's network does.

    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/DnsPeeringConfig
    """

    domain: Annotated[Name, AfterValidator(_domain)]
    target_project: Name
    target_network: Name


class PscInterfaceConfig(Section):
    """A Private Service Connect interface of the tasks' machines.

    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/PscInterfaceConfig
    """

    network_attachment: Annotated[Name, AfterValidator(_attachment)] | None = None
    dns_peering_configs: tuple[DnsPeeringConfig, ...] = ()

    @model_validator(mode="after")
    def _peering_has_an_attachment(self) -> PscInterfaceConfig:
        if self.dns_peering_configs and not self.network_attachment:
            raise ValueError("dns_peering_configs need a network_attachment beside them")
        return self
