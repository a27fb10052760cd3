"""A network of containers that reaches this machine and nothing beyond it."""

from __future__ import annotations

import ipaddress
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Set aside for the tests of networks, so that no machine is reached by these addresses:
# https://www.rfc-editor.org/rfc/rfc2544#appendix-C.2.2
_RANGE = ipaddress.ip_network("198.18.0.0/15")


@dataclass(frozen=True)
class Network:
    """A bridge of this machine. The machine has its first address."""

    bridge: str
    """Name of the interface."""
    subnet: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        """Where containers reach this machine."""
        return str(self.subnet.network_address + 1)

    @property
    def keeps_its_address(self) -> bool:
        """Whether the bridge has an address of its own, whichever containers come and go.

        NET_ADDR_SET: https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net
        """
        kind = Path("/sys/class/net", self.bridge, "addr_assign_type")
        return kind.read_text("utf-8").strip() == "3"

    @property
    def address(self) -> str:
        """The machine's, with the length of the prefix."""
        return f"{self.gateway}/{self.subnet.prefixlen}"

    def part(self, number: int) -> str:
        """One of four equal parts, for engines that share the bridge and give out addresses."""
        return str(list(self.subnet.subnets(prefixlen_diff=2))[number])


@contextmanager
def new_network() -> Iterator[Network]:
    """A network that is there as long as it is needed."""
    network = Network(f"kve2e{secrets.token_hex(3)}", _free_subnet())
    # Without an address of its own a bridge takes the lowest of its containers', and another one
    # when that container ends. The others then talk to nobody until they have forgotten it, for
    # half a minute and more: br_stp_recalculate_bridge_id in Linux's net/bridge/br_stp_if.c.
    _ip("link", "add", network.bridge, "address", _new_address(), "type", "bridge")
    try:
        _ip("address", "add", network.address, "dev", network.bridge)
        _ip("link", "set", network.bridge, "up")
        yield network
    finally:
        _ip("link", "delete", network.bridge)


def _free_subnet() -> ipaddress.IPv4Network:
    used = _ip("-4", "-oneline", "address", "show")
    subnets = list(_RANGE.subnets(new_prefix=24))
    while True:
        subnet = secrets.choice(subnets)
        if f" {subnet.network_address + 1}/" not in used:
            return subnet


def _new_address() -> str:
    """Of an interface: local, and of one machine.

    https://www.rfc-editor.org/rfc/rfc9542#section-2.1
    """
    return ":".join(f"{number:02x}" for number in (2, *secrets.token_bytes(5)))


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout
