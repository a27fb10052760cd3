"""A package index on this machine: what a container's pip installs from.

It holds the wheel of this checkout as if it were published, and of everything else the versions
of this environment. So nothing is downloaded in a container, and a `kedro run` out here and a
task in there compute with the same libraries.
"""

from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

# Of the environment, but not to be had from an index: this checkout, and what pip is made of.
_NOT_PINNED = re.compile(r"^(kedro-vertexai|pip|setuptools|wheel)\b|@|^-e", re.IGNORECASE)


def build_wheel(checkout: Path, folder: Path) -> Path:
    """The wheel of this checkout.

    Without isolation: this environment has what builds it.
    """
    _python("build", "--wheel", "--no-isolation", f"--outdir={folder}", str(checkout))
    (wheel,) = folder.glob("kedro_vertexai-*.whl")
    return wheel


def collect_wheels(folder: Path, requirements: Sequence[str]) -> None:
    """Put wheels of requirements and of all that they need into a folder that may hold some.

    Args:
        folder: of the index.
        requirements: as pip's command line takes them.
    """
    frozen = _python("pip", "freeze", "--all")
    pins = [line for line in frozen.splitlines() if not _NOT_PINNED.search(line)]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins), encoding="utf-8")
    _python(
        *("pip", "wheel", "--quiet", f"--wheel-dir={folder}", f"--find-links={folder}"),
        *(f"--constraint={constraints}", *requirements),
    )


@contextmanager
def serving_index(folder: Path, address: str) -> Iterator[str]:
    """Serve a folder of wheels at an address of this machine; the URL of the index.

    https://peps.python.org/pep-0503/
    """
    handler = type("Handler", (_Handler,), {"folder": folder, "digests": {}})
    server = ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    try:
        yield f"http://{address}:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    digests: dict[str, str]

    def do_GET(self) -> None:
        kind, _, name = unquote(self.path).strip("/").partition("/")
        wheels = {wheel.name: wheel for wheel in self.folder.glob("*.whl")}
        if kind == "files" and name in wheels:
            self._send("application/octet-stream", wheels[name].read_bytes())
            return
        if kind != "simple":
            self.send_error(404)
            return
        projects = {_normal(wheel.partition("-")[0]) for wheel in wheels}
        if not name:
            self._send_links([(f"/simple/{project}/", project) for project in sorted(projects)])
        elif name in projects:
            found = [one for one in sorted(wheels) if _normal(one.partition("-")[0]) == name]
            self._send_links(
                [(f"/files/{one}#sha256={self._digest(wheels[one])}", one) for one in found]
            )
        else:
            self.send_error(404)

    def _digest(self, wheel: Path) -> str:
        if wheel.name not in self.digests:
            self.digests[wheel.name] = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return self.digests[wheel.name]

    def _send_links(self, links: Sequence[tuple[str, str]]) -> None:
        anchors = "\n".join(
            f'<a href="{html.escape(place)}">{html.escape(text)}</a>' for place, text in links
        )
        page = f"<!DOCTYPE html><html><body>\n{anchors}\n</body></html>"
        self._send("text/html", page.encode())

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _python(*words: str) -> str:
    argv = [sys.executable, "-m", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
