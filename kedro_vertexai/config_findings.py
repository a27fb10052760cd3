"""What is wrong with `vertexai.yml`, in a user's words: key, problem, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from kedro_vertexai.config_section import Section
from kedro_vertexai.config_unsupported import unsupported
from kedro_vertexai.errors import did_you_mean

_MAPPING, _LIST, _FLAG = "expected a mapping", "expected a list", "expected true or false"
# pydantic's names of what can be wrong, https://docs.pydantic.dev/latest/errors/validation_errors/
_PROBLEMS = {
    "missing": "missing",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": _LIST,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "float_parsing": "expected a number",
    "finite_number": "expected a number",
    "literal_error": "expected {expected}",
    "greater_than_equal": "expected {ge:g} or more",
    "less_than_equal": "expected {le:g} or less",
    "value_error": "{error}",
}
_HINTS = {
    "project_id": "write the Google Cloud project's id, as project_id: my-project",
    "region": "write the Google Cloud region, as region: europe-west1",
    "run_config": "write run_config: with at least image: below it",
    "run_config.image": "write the image of every task, as image: REGISTRY/NAME:TAG",
}
_KINDS: dict[type[Any], str] = {
    dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number",
    type(None): "nothing",
}  # fmt: skip
# Below these stand client secrets and the like: no value of theirs is shown.
_SECRET = {"params", "request_header_provider_params"}
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Findings:
    """Puts pydantic's errors into words.

    Args:
        root: the whole file.
        places: sections by the name that a message gives them, for keys that stand elsewhere.
    """

    root: type[Section]
    places: Sequence[tuple[str, type[Section]]]

    def line(self, error: dict[str, Any]) -> str:
        """One of pydantic's errors: key, what is wrong, what to write."""
        place, kind = error["loc"], error["type"]
        key = _dotted(place)
        if kind == "extra_forbidden":
            reason = unsupported(str(place[-1]))
            return f"{key}: {reason}" if reason else f"{key}: unknown key{self._suggestion(place)}"
        problem = _PROBLEMS.get(kind, error["msg"])
        if kind in _PROBLEMS:
            problem = problem.format(**error.get("ctx", {}))
        if problem.startswith("expected"):
            secret = problem in (_MAPPING, _LIST) or bool(_SECRET.intersection(place))
            problem += f", got {_kind(error['input']) if secret else _shown(error['input'])}"
        hinted = key in _HINTS and problem.startswith(("missing", "expected"))
        hint = f", {_HINTS[key]}" if hinted else ""
        return f"{key}: {problem}{hint}" if key else f"{problem}{hint}"

    def _suggestion(self, place: tuple[str | int, ...]) -> str:
        section: type[BaseModel] = self.root
        for part in place[:-1]:
            # A part that is no field is a name in a mapping, or a position in a list, of sections.
            field = section.model_fields.get(str(part))
            section = (field and _section_in(field.annotation)) or section
        word = str(place[-1])
        for name, other in self.places:
            if word in other.model_fields:
                return f", it belongs under {name}"
        # `volume` is known only so that it can be reported.
        known = [name for name in section.model_fields if name != "volume"]
        return did_you_mean(word.lower().replace("-", "_"), known)


def _shown(value: object) -> str:
    text = repr(value)
    if not isinstance(value, (str, int, float)):
        return _kind(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _dotted(place: tuple[str | int, ...]) -> str:
    """A path such as `run_config.resources['a.b'].cpu`; names with dots stand in quotes."""
    text = ""
    for part in place:
        if part == "[key]":  # pydantic's mark for an error in a key itself
            continue
        plain = isinstance(part, str) and re.fullmatch(r"[\w-]+", part)
        text += f".{part}" if plain else f"[{part!r}]"
    return text.removeprefix(".")


def _section_in(annotation: Any) -> type[BaseModel] | None:
    arguments = get_args(annotation)
    if arguments:
        return next(filter(None, map(_section_in, arguments)), None)
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_section else None
