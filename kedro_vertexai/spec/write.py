"""A pipeline spec as a file: YAML to be read by people, JSON by its suffix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro_vertexai.files import write_whole


def render_spec(spec: dict[str, Any], *, as_json: bool) -> str:
    """The spec as text; the same spec gives the same text."""
    if as_json:
        return json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n"
    import yaml

    # The C dumper is tens of times faster, and not everywhere.
    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc, valid-type]
        """Writes a part that occurs twice in full: readers need no YAML anchors."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's signature)
            return True

    return str(yaml.dump(spec, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100))


def write_spec(spec: dict[str, Any], output: Path) -> None:
    """Write the spec to `output`, whole or not at all; the format follows the suffix.

    Raises:
        VertexAIError: the file cannot be written.
    """
    text = render_spec(spec, as_json=output.suffix == ".json")
    write_whole(output, text)
