"""A pipeline spec as a file: YAML to be read by people, JSON by its suffix."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from kedro_vertexai.files import write_whole
from kedro_vertexai.spec.yaml_text import yaml_text

# KFP and Vertex AI's client read JSON as YAML 1.1, whose characters are fewer and whose line
# breaks are more: https://yaml.org/spec/1.1/#id868524
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

# A number with an exponent, or a text that looks like one.
_EXPONENT = re.compile(r"\de[-+]?\d")


def render_spec(spec: dict[str, Any], *, as_json: bool) -> str:
    """The spec as text; the same spec gives the same text."""
    if as_json:
        text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
        if _EXPONENT.search(text):
            text = _with_dots(spec)
        return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
    return yaml_text(spec)


def _with_dots(spec: dict[str, Any]) -> str:
    """The spec as JSON in which a number such as 1e-05 is written 1.0e-05.

    The one without a dot is a string to a reader of YAML 1.1: https://yaml.org/type/float.html
    """
    mark = uuid4().hex

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marked(below) for key, below in value.items()}
        if isinstance(value, list):
            return [marked(item) for item in value]
        digits, exponent, power = (
            repr(value).partition("e") if type(value) is float else ("", "", "")
        )
        return f"{mark}{digits}.0e{power}{mark}" if exponent and "." not in digits else value

    text = json.dumps(marked(spec), ensure_ascii=False, separators=(",", ":"))
    return text.replace(f'"{mark}', "").replace(f'{mark}"', "")


def write_spec(spec: dict[str, Any], output: Path) -> None:
    """Write the spec to `output`, whole or not at all; the format follows the suffix.

    Raises:
        VertexAIError: the file cannot be written.
    """
    text = render_spec(spec, as_json=output.suffix == ".json")
    write_whole(output, text)
