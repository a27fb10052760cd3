"""The images that exist: each stands for a Kedro project in a directory."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Image:
    """A project as it would be in an image; `holds` are paths of data that are in it too."""

    project: Path
    holds: tuple[str, ...] = ()
    build: int = 1
    """Another number is another digest."""

    @property
    def manifest(self) -> bytes:
        """As a registry serves it: the digest is that of these bytes."""
        config = {"project": str(self.project), "holds": self.holds, "build": self.build}
        digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": f"sha256:{digest}",
                "size": len(json.dumps(config)),
            },
            "layers": [],
        }
        return json.dumps(document).encode()

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Images:
    """Images by reference, `HOST/PATH:TAG`; each is also found by its digest."""

    def __init__(self, images: Mapping[str, Path | Image]) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, Image]] = {}
        self._digests: dict[str, dict[str, Image]] = {}
        for reference, image in images.items():
            self.push(reference, image)

    def push(self, reference: str, image: Path | Image) -> str:
        """Give an image a name and tag, `latest` without one; its digest."""
        pushed = image if isinstance(image, Image) else Image(image)
        name, reference_in_name = split(reference)
        with self._lock:
            self._digests.setdefault(name, {})[pushed.digest] = pushed
            self._tags.setdefault(name, {})[reference_in_name] = pushed
        return pushed.digest

    def remove(self, reference: str) -> None:
        """Take a tag away; what is named by its digest stays."""
        name, tag = split(reference)
        with self._lock:
            del self._tags[name][tag]

    def find(self, name: str, reference: str) -> Image | None:
        """By the name with its host, and a tag or digest."""
        with self._lock:
            known = self._digests if reference.startswith("sha256:") else self._tags
            return known.get(name, {}).get(reference)

    def find_path(self, path: str, reference: str) -> Image | None:
        """By the name without its host, which is all that a registry is asked for."""
        with self._lock:
            names = list(self._digests)
        for name in names:
            if name.partition("/")[2] == path:
                return self.find(name, reference)
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Every reference that a spec may have, for the child process that runs it."""
        with self._lock:
            pairs = [
                (f"{name}{'@' if known is self._digests else ':'}{reference}", image)
                for known in (self._tags, self._digests)
                for name, references in known.items()
                for reference, image in references.items()
            ]
        return [
            {"image": reference, "project": str(image.project), "holds": list(image.holds)}
            for reference, image in pairs
        ]


def split(reference: str) -> tuple[str, str]:
    """The name of an image with its host, and its digest or tag.

    https://github.com/distribution/reference: a digest wins over a tag beside it.
    """
    name, _, digest = reference.partition("@")
    host_and_path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        host_and_path, tag = name, ""
    return host_and_path, digest or tag or "latest"
