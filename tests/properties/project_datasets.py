"""The dataset classes of a generated project itself (`generated.datasets`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class TextFile(AbstractDataset[str, str]):
    """Its location is called `filepath`, as in most classes."""

    def __init__(self, filepath: str) -> None:
        self._file = Path(filepath)

    def load(self) -> str:
        return self._file.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(data, encoding="utf-8")

    def _exists(self) -> bool:
        return self._file.exists()

    def _describe(self) -> dict[str, Any]:
        return {"file": self._file}


class TextAtPath(TextFile):
    """Its location is called `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)


class TextElsewhere(TextFile):
    """It has no location in the catalog: a store that every task reaches."""

    def __init__(self, key: str) -> None:
        super().__init__(str(Path(os.environ["GENERATED_STORE"], key)))


class TextAtPlace(TextFile):
    """Its location has a name of the project's own."""

    def __init__(self, place: str, metadata: Any = None) -> None:
        super().__init__(place)
        self.metadata = metadata


class TextInData(TextFile):
    """It knows itself where in the project it keeps its data."""

    def __init__(self, key: str, metadata: Any = None) -> None:
        super().__init__(str(Path("data", key)))
        self.metadata = metadata
