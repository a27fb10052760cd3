"""Takes mlflow-run.png: the latest run of a project on this machine, as MLflow's page shows it.

    python docs/images/draw_mlflow_run.py PROJECT docs/images/mlflow-run.png

The project is one made from the starter, after `kedro vertexai run-once --target local`. It needs
Chromium: scripts/install-chromium.sh.
"""

import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mlflow import MlflowClient

# Pixels. The width leaves out the page's assistant, the height holds everything down to the model.
SIZE = "1400,2500"


def main(project: Path, output: Path) -> None:
    """Serve the project's store, and let a browser draw the page of its latest run."""
    store = f"sqlite:///{project.resolve() / '.vertexai' / 'mlflow.db'}"
    client = MlflowClient(store)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    run = client.search_runs(experiments, order_by=["attributes.start_time DESC"])[0].info
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--port", port, "--workers", "1"]
    server = subprocess.Popen([*command, "--backend-store-uri", store])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health")
        draw(f"{url}/#/experiments/{run.experiment_id}/runs/{run.run_id}", output)
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 120
    while not answers(url):
        if time.monotonic() > deadline:
            raise TimeoutError(url)
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether something can be read there."""
    try:
        urlopen(url, timeout=1).close()
    except (URLError, TimeoutError):
        return False
    return True


def draw(url: str, output: Path) -> None:
    """Let Chromium draw a page once its scripts have had their time."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += [f"--window-size={SIZE}", "--virtual-time-budget=20000", f"--screenshot={output}"]
    subprocess.run(["chromium", *options, url], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
