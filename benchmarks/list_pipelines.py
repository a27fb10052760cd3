"""`kedro vertexai list-pipelines`, next to the import of the client that it asks with."""

from __future__ import annotations

import json
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.measure import ROUNDS, Result, finish, python, ratio, scratch

JOBS = 20
_IMPORT = """\
import time
start = time.process_time()
from google.cloud.aiplatform_v1 import PipelineServiceClient
print(time.process_time() - start)
"""
# Kedro's own start-up is no part of what is compared.
_COMMAND = """\
import os, sys, time
os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM"] = sys.argv[1]
import kedro.framework.cli.cli
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project
metadata = bootstrap_project(Path.cwd())
start = time.process_time()
from kedro_vertexai.cli import commands
done = CliRunner().invoke(commands, ["vertexai", "list-pipelines", "--all"], obj=metadata)
assert done.output.count("RUNNING") == 20, (done.output, done.exception)
print(time.process_time() - start)
"""


def run() -> list[Result]:
    ours, client = [], []
    with scratch() as directory, _answering() as url:
        _write_project(directory)
        for number in range(ROUNDS + 1):
            imported = finish(python("-c", _IMPORT), directory)
            listed = finish(python("-c", _COMMAND, url), directory)
            if number:
                client.append(float(imported.output.split()[-1]))
                ours.append(float(listed.output.split()[-1]))
    subject = f"list-pipelines of {JOBS} jobs, to importing its client"
    return [ratio(subject, statistics.median(ours), statistics.median(client), 1.5)]


def _write_project(directory: Path) -> None:
    texts = {
        "pyproject.toml": '[tool.kedro]\npackage_name = "shop"\nproject_name = "shop"\n'
        'kedro_init_version = "1.0.0"\nsource_dir = "src"\n',
        "src/shop/__init__.py": "",
        "src/shop/settings.py": "",
        "conf/local/.gitkeep": "",
        "conf/base/vertexai.yml": "project_id: my-project\nregion: europe-west1\n"
        "run_config:\n  image: my-image\n",
    }
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def _job(number: int) -> dict[str, object]:
    """A job as the API writes it, with the state as a number: RUNNING."""
    return {
        "name": f"projects/1/locations/europe-west1/pipelineJobs/shop-{number}",
        "displayName": "shop",
        "state": 3,
        "createTime": "2026-01-02T03:04:05Z",
        "startTime": "2026-01-02T03:04:05Z",
        "labels": {"kedro_project": "shop", "kedro_pipeline": "__default__"},
    }


@contextmanager
def _answering() -> Iterator[str]:
    """A server that says of jobs what it always says: its time is no part of ours."""
    jobs = json.dumps({"pipelineJobs": [_job(number) for number in range(JOBS)]}).encode()
    one = json.dumps(_job(0)).encode()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = jobs if self.path.partition("?")[0].endswith("/pipelineJobs") else one
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
