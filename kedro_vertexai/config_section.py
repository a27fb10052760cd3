"""What all sections of `vertexai.yml` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A mapping in the file. Keys are checked; a bare `key:` means the key's default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    none_is_null: ClassVar[bool] = False
    """Whether the word `none` stands for null, as the template of kedro-vertexai 1.0 has it."""

    @model_validator(mode="before")
    @classmethod
    def _drop_bare_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        entries = {str(key): value for key, value in data.items()}
        return {
            key: value
            for key, value in entries.items()
            if key not in cls.model_fields or not cls._is_null(value)
        }

    @classmethod
    def _is_null(cls, value: object) -> bool:
        words = ("none", "null", "~", "")
        word = cls.none_is_null and isinstance(value, str) and value.strip().lower() in words
        return value is None or word
