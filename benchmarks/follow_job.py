"""Following a job of Vertex AI for a minute, on a terminal and elsewhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.measure import Result, environment, python

TASKS = 100
SECONDS = 60
_JOB = "projects/1/locations/europe-west1/pipelineJobs/shop-1"
_FOLLOW = f"""\
import os, sys, time
os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM"] = sys.argv[1]
from kedro_vertexai.targets.progress import make_reporter
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.follow import Follower, TimeIsUpError
clients = GoogleClients(Location("my-project", "europe-west1"))
clients.pipelines
follower = Follower(clients, "shop-1", timeout={SECONDS})
before = time.process_time()
try:
    follower.until_end(make_reporter())
except TimeIsUpError:
    os.write(2, str(time.process_time() - before).encode())
"""


def run() -> list[Result]:
    results = []
    for where, follow in (("on a terminal", _on_terminal), ("elsewhere", _elsewhere)):
        with _answering() as url:
            results.append(_result(where, follow(url)))
    return results


def _result(where: str, seconds: float) -> Result:
    subject = f"following a job of {TASKS} tasks for {SECONDS} s {where}"
    return Result(subject, 100 * seconds / SECONDS, "% of a core", 1, f"{seconds:.2f} s")


def _elsewhere(url: str) -> float:
    done = subprocess.run(
        python("-c", _FOLLOW, url), env=environment(), check=True, capture_output=True, text=True
    )
    return float(done.stderr.split()[-1])


def _on_terminal(url: str) -> float:
    """What is shown is read and thrown away, as fast as it comes."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        python("-c", _FOLLOW, url),
        env={**environment(), "TERM": "xterm-256color", "LINES": "50", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    reader = threading.Thread(target=_drain, args=(ours,), daemon=True)
    reader.start()
    _, said = process.communicate()
    reader.join()
    os.close(ours)
    return float(said.split()[-1])


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            continue
    except OSError:
        return  # Linux says so once nobody has the other end open.


def _message(begin: datetime) -> dict[str, Any]:
    """The job as it is now: a task ends every 0.6 s, ten run at a time."""
    passed = (datetime.now(timezone.utc) - begin).total_seconds()
    done = int(passed / SECONDS * TASKS)
    tasks = [_task(number, done, begin) for number in range(min(done + 10, TASKS))]
    return {
        "name": _JOB,
        "state": 3,
        "createTime": _text(begin),
        "startTime": _text(begin),
        "jobDetail": {"taskDetails": tasks},
    }


def _task(number: int, done: int, begin: datetime) -> dict[str, Any]:
    end = begin + timedelta(seconds=(number + 1) * SECONDS / TASKS)
    told: dict[str, Any] = {
        "taskId": str(1000 + number),
        "parentTaskId": "999",
        "taskName": f"node-{number}",
        "state": 3 if number < done else 2,
        "startTime": _text(max(begin, end - timedelta(seconds=10 * SECONDS / TASKS))),
        "executorDetail": {
            "containerDetail": {"mainJob": f"projects/1/locations/r/customJobs/{number}"}
        },
    }
    return told | ({"endTime": _text(end)} if number < done else {})


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


@contextmanager
def _answering() -> Iterator[str]:
    """A server that tells of a job what the mask of a look leaves of it."""
    asked: list[datetime] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(datetime.now(timezone.utc))
            body = json.dumps(_message(asked[0])).encode()
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
