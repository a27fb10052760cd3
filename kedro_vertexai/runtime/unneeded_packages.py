"""Which installed packages no task needs: `python -m kedro_vertexai.runtime.unneeded_packages`.

kedro-vertexai depends on the compiler and the cloud clients, for its commands. Installing the
project's requirements into an image brings them all; this finds those that neither the project
nor anything else in the image asks for, so that they can be removed.

The packages are followed from what was asked for, through what each requires. Only of ourselves
the list is another: `runtime-requirements.txt`. Where it cannot be known which extras of a
package were asked for, all count that may have been, and too much stays rather than too little.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.templates import templates_dir

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_OURSELVES = "kedro-vertexai"


def unneeded(report: Mapping[str, Any], installed: Mapping[str, Distribution]) -> list[str]:
    """Return the names of the packages that came with an installation and that no task needs.

    Args:
        report: pip's report of the installation, see
            https://pip.pypa.io/en/stable/reference/installation-report/.
        installed: all packages there are now, by canonical name.
    """
    added = {name_of(item): item for item in report["install"]}
    asked_for = [
        (name, extra)
        for name in installed
        if name not in added or added[name]["requested"]
        for extra in ("", *_extras_asked_for(name, added.get(name), installed))
    ]
    return sorted(added.keys() - _reached(asked_for, installed))


def installed_packages() -> dict[str, Distribution]:
    """All packages of this interpreter by canonical name, each as it would be imported."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        found.setdefault(_canonical(distribution.metadata["Name"]), distribution)
    return found


def _reached(
    asked_for: Iterable[tuple[str, str]], installed: Mapping[str, Distribution]
) -> set[str]:
    """The names of all packages that these, each with one of its extras or "", need."""
    waiting = list(asked_for)
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        if name not in installed:
            continue
        for requirement in _required(name, installed[name], extra):
            for wanted in ("", *requirement.extras):
                step = (_canonical(requirement.name), wanted)
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return {name for name, _ in seen}


def _required(name: str, distribution: Distribution, extra: str) -> Iterator[Requirement]:
    """What a package requires here: by itself, or for one of its extras."""
    if name == _OURSELVES and not extra:
        lines = (templates_dir() / "runtime-requirements.txt").read_text("utf-8").splitlines()
        required = [line for line in lines if line and not line.startswith("#")]
    else:
        required = distribution.requires or []
    for requirement in map(_parsed, required):
        # What a package requires anyway is not an extra's.
        if _applies(requirement, extra) and not (extra and _applies(requirement, "")):
            yield requirement


@cache
def _parsed(line: str) -> Requirement:
    """Each is asked for once for every extra of its package."""
    from packaging.requirements import Requirement

    return Requirement(line)


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _extras_asked_for(
    name: str, item: Mapping[str, Any] | None, installed: Mapping[str, Distribution]
) -> list[str]:
    """The extras of a package that was asked for; of the base image's, all that are complete."""
    if item is not None:
        return [_canonical(extra) for extra in item.get("requested_extras", [])]
    distribution = installed[name]
    offered = distribution.metadata.get_all("Provides-Extra") or []
    return [extra for extra in map(_canonical, offered) if _is_complete(name, extra, installed)]


def _is_complete(name: str, extra: str, installed: Mapping[str, Distribution]) -> bool:
    """Whether all of an extra is there: pip leaves none half installed that it was asked for."""
    required = _required(name, installed[name], extra)
    return all(_canonical(requirement.name) in installed for requirement in required)


def name_of(item: Mapping[str, Any]) -> str:
    """The canonical name of a package in pip's report."""
    return _canonical(item["metadata"]["name"])


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def main(argv: list[str]) -> None:
    """Print the names, a line each, for the pip report whose path is given."""
    (path,) = argv
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    for name in unneeded(report, installed_packages()):
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
