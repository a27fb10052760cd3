"""A pipeline spec as a file: YAML to be read by people, JSON by its suffix."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kedro_vertexai.files import write_whole
from kedro_vertexai.spec.yaml_text import yaml_text

# KFP and Vertex AI's client read JSON as YAML 1.1, whose characters are fewer and whose line
# breaks are more: https://yaml.org/spec/1.1/#id868524
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def render_spec(spec: dict[str, Any], *, as_json: bool) -> str:
    """The spec as text; the same spec gives the same text."""
    if as_json:
        text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
        return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
    return yaml_text(spec)


def write_spec(spec: dict[str, Any], output: Path) -> None:
    """Write the spec to `output`, whole or not at all; the format follows the suffix.

    Raises:
        VertexAIError: the file cannot be written.
    """
    text = render_spec(spec, as_json=output.suffix == ".json")
    write_whole(output, text)
