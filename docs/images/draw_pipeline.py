"""Draws pipeline.svg: the starter's pipeline as `kedro vertexai compile` writes it.

    kedro vertexai compile -o pipeline.json        # in a project made from the starter
    python docs/images/draw_pipeline.py pipeline.json docs/images/pipeline.svg

Tasks, edges and the way each dataset travels come from the spec; only the places on the
paper are chosen by hand.
"""

import json
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

WIDTH, ROW, TOP = 960, 74, 26
BOX_WIDTH, BOX_HEIGHT = 172, 44
COLUMNS = (108, 294, 480, 666, 852)

# By a task's name without Kedro's digest: row and column. The first and the last task are bars.
PLACES = {
    "measurements": (1, 2),
    "prepare.clean": (2, 2),
    "prepare.select_features": (3, 1.5),
    "prepare.encode_diagnosis": (3, 2.5),
    "prepare.split": (4, 2),
    "train.logistic.cross_validate": (5, 0),
    "train.logistic.fit": (5, 1),
    "train.forest.fit": (5, 3),
    "train.forest.cross_validate": (5, 4),
    "train.logistic.predict": (6, 1),
    "train.forest.predict": (6, 3),
    "report.plot": (7, 0),
    "train.score": (7, 2),
    "report.rank_features": (7, 4),
    "report.list_scores": (8, 3),
    "train.choose": (8, 2),
    "train.refit": (9, 1),
    "report.summarise": (9, 4),
}
FIRST, LAST = "mlflow-start-run", "mlflow-finish-run"
LAST_ROW = 10

TITLE = (
    "The starter's pipeline: one task for each node, data edges as artifacts, one MLflow run "
    "from the first task to the exit handler"
)
STYLE = """
    .paper { fill: #ffffff; stroke: #d0d7de }
    .box { stroke-width: 1.2 }
    .prepare { fill: #ddf4ff; stroke: #54aeff }
    .train { fill: #dafbe1; stroke: #4ac26b }
    .report { fill: #fff8c5; stroke: #d4a72c }
    .input { fill: #f6f8fa; stroke: #8c959f; stroke-dasharray: 4 3 }
    .mlflow { fill: #fbefff; stroke: #c297ff }
    .title { fill: #1f2328; font-size: 12.5px; font-weight: 600 }
    .small { fill: #59636e; font-size: 10.5px }
    .file { stroke: #0969da; fill: none; stroke-width: 1.5; opacity: .7 }
    .object { stroke: #8250df; fill: none; stroke-width: 1.5; opacity: .7;
              stroke-dasharray: 5 3 }
    .tip-file { fill: #0969da }
    .tip-object { fill: #8250df }
    text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; stroke: #3d444d }
      .prepare { fill: #0c2d4d; stroke: #388bfd }
      .train { fill: #0f2d1a; stroke: #3fb950 }
      .report { fill: #332a0c; stroke: #d29922 }
      .input { fill: #161b22; stroke: #6e7681 }
      .mlflow { fill: #271a3d; stroke: #a371f7 }
      .title { fill: #f0f6fc }
      .small { fill: #9198a1 }
      .file { stroke: #58a6ff }
      .object { stroke: #bc8cff }
      .tip-file { fill: #58a6ff }
      .tip-object { fill: #bc8cff }
    }
"""


def main() -> None:
    """Draw the spec named first to the file named second."""
    spec, picture = (Path(argument) for argument in sys.argv[1:3])
    picture.write_text(draw(json.loads(spec.read_text("utf-8"))), encoding="utf-8")


def draw(spec: dict[str, Any]) -> str:
    """Return the picture of a compiled spec of the starter."""
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    titles = {name: short(task["taskInfo"]["name"]) for name, task in tasks.items()}
    outputs = {titles[name]: output_names(spec, task) for name, task in tasks.items()}
    height = TOP + ROW * LAST_ROW + BOX_HEIGHT + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{TITLE}</title>",
        f"<style>{STYLE}</style>",
        *(tip(way) for way in ("file", "object")),
        f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
        *(edge(*found) for found in sorted(edges(tasks, titles))),
        bar(0, FIRST, "opens the MLflow run that every task joins"),
        *(box(title, outputs[title]) for title in titles.values() if title != FIRST),
        bar(LAST_ROW, LAST, "exit handler: closes the run as FINISHED, FAILED or KILLED"),
        legend(height - 18),
        "</svg>\n",
    ]
    return "\n".join(parts)


def short(title: str) -> str:
    """A task's title without Kedro's digest of an unnamed node, or what we call an input."""
    return title.removeprefix("input ").partition("__")[0]


def output_names(spec: dict[str, Any], task: dict[str, Any]) -> list[str]:
    """The datasets that a task hands on, without namespace: their keys without a digest."""
    component = spec["components"][task["componentRef"]["name"]]
    keys = component.get("outputDefinitions", {}).get("artifacts", {})
    namespace = task["taskInfo"]["name"].partition(".")[0]
    names = (re.sub(r"_[0-9a-f]{6}$", "", key).removeprefix(f"{namespace}_") for key in keys)
    return [name for name in names if name != "artifact"]


def edges(tasks: dict[str, Any], titles: dict[str, str]) -> set[tuple[str, str, str]]:
    """Every data edge as producer, consumer and way; two datasets the same way are one line."""
    found = set()
    for name, task in tasks.items():
        for key, source in task.get("inputs", {}).get("artifacts", {}).items():
            # What the task is told of it; where nothing is, it is an object.
            told = json.loads(
                task["inputs"]["parameters"]["kedro__task"]["runtimeValue"]["constant"]
            )
            entry = told.get("inputs", {}).get(key, {})
            way = entry.get("travel", "object") if isinstance(entry, dict) else "object"
            producer = source["taskOutputArtifact"]["producerTask"]
            found.add((titles[producer], titles[name], way))
    return found


def place(title: str) -> tuple[float, float]:
    """The centre of a task's box."""
    row, column = PLACES[title]
    left = COLUMNS[int(column)]
    return left + (column % 1) * (COLUMNS[1] - COLUMNS[0]), TOP + row * ROW + BOX_HEIGHT / 2


def edge(producer: str, consumer: str, way: str) -> str:
    """A curve from the foot of one box to the head of another."""
    (x1, y1), (x2, y2) = place(producer), place(consumer)
    # Lines that leave and reach a box at several points are easier to follow; files keep to the
    # left and objects to the right of each other.
    lean = max(-60.0, min(60.0, (x2 - x1) / 6))
    aside = 10 if way == "object" else -10
    x1, x2 = x1 + lean + aside, x2 - lean / 2 + aside
    y1, y2 = y1 + BOX_HEIGHT / 2, y2 - BOX_HEIGHT / 2 - 6
    bend = max(26.0, (y2 - y1) * 0.55)
    points = ((x1, y1), (x1, y1 + bend), (x2, y2 - bend), (x2, y2))
    start, *curve = (f"{x:.0f} {y:.0f}" for x, y in points)
    return f'<path class="{way}" marker-end="url(#{way})" d="M{start} C{" ".join(curve)}"/>'


def box(title: str, outputs: list[str]) -> str:
    """One task: its name, and below it what it hands on."""
    x, y = place(title)
    kind = title.partition(".")[0] if "." in title else "input"
    below = "raw file, staged by content" if kind == "input" else ", ".join(outputs)
    name = title.removeprefix(f"{kind}.")
    lift = 3 if below else -4.5
    lines = [
        rectangle(kind, x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2, BOX_WIDTH),
        text(x, y - lift, name, "title"),
    ]
    return "\n".join(lines + ([text(x, y + 13, below, "small")] if below else []))


def bar(row: int, name: str, says: str) -> str:
    """The first and the last task, as wide as the pipeline."""
    y = TOP + row * ROW
    return "\n".join(
        [
            rectangle("mlflow", 22, y, WIDTH - 44),
            text(WIDTH / 2, y + BOX_HEIGHT / 2 - 3, name, "title"),
            text(WIDTH / 2, y + BOX_HEIGHT / 2 + 13, says, "small"),
        ]
    )


def legend(y: float) -> str:
    """What the colours and lines mean."""
    parts, x = [], 24
    for way, says in (("file", "file artifact"), ("object", "object artifact")):
        parts.append(f'<path class="{way}" d="M{x} {y - 4} h34"/>')
        parts.append(text(x + 42, y, says, "small", "start"))
        x += 150
    for kind in ("prepare", "train", "report"):
        parts.append(rectangle(kind, x, y - 10, 16, 12))
        parts.append(text(x + 23, y, f"namespace {kind}", "small", "start"))
        x += 150
    return "\n".join(parts)


def rectangle(kind: str, x: float, y: float, width: float, height: float = BOX_HEIGHT) -> str:
    """A box without words."""
    return (
        f'<rect class="box {kind}" x="{x:.0f}" y="{y:.0f}" width="{width}" height="{height}" '
        f'rx="{min(7, height / 4):.0f}"/>'
    )


def text(x: float, y: float, words: str, kind: str, anchor: str = "middle") -> str:
    """A line of text."""
    return (
        f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def tip(way: str) -> str:
    """The head of an arrow."""
    return (
        f'<marker id="{way}" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="5.5" '
        f'markerHeight="5.5" orient="auto"><path class="tip-{way}" d="M0 0 L8 4 L0 8 z"/></marker>'
    )


if __name__ == "__main__":
    main()
