"""Draws explain.svg: what `kedro vertexai compile --explain` prints of a project.

    python docs/images/draw_explain.py PROJECT docs/images/explain.svg

The project is one made from the starter, after `kedro vertexai init`.
"""

import re
import sys
from pathlib import Path

from kedro.framework.startup import bootstrap_project
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from kedro_vertexai.compiler import Request, compile_project
from kedro_vertexai.explain import explain, print_rows

TITLE = "kedro vertexai compile --explain"
WIDTH = 168
LIGHT = TerminalTheme(
    (255, 255, 255),
    (31, 35, 40),
    [
        (36, 41, 46),
        (215, 58, 73),
        (40, 130, 64),
        (177, 125, 0),
        (3, 102, 214),
        (111, 66, 193),
        (23, 124, 131),
        (106, 115, 125),
    ],
)
# rich would load a typeface from elsewhere: a page shows what the reader's machine has.
FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def main(project: Path, output: Path) -> None:
    """Compile the project, and draw what is to be said of its datasets."""
    bootstrap_project(project)
    compiled = compile_project(Request(project_path=project, env="local"))
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        print_rows(explain(compiled.project, compiled.plan), console)
    drawing = console.export_svg(title=TITLE, theme=LIGHT, unique_id="explain")
    output.write_text(FACES.sub("", drawing).replace("Fira Code", "ui-monospace"), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
