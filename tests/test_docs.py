"""The examples of README.md and docs/: every one is run as it stands, in a real project.

In a page, a console block holds commands behind `$ ` and, where that says something, what they
print. A comment on the line before a block changes what is done with it:

    <!-- test: skip, REASON -->     not run
    <!-- test: fails -->            its commands end with an error
    <!-- test: write PATH -->       not run but written to that file of the project; with
                                    `, wrong on purpose` behind it, it need not be valid
    <!-- test: append PATH -->      or added to the end of it
    <!-- test: part of PATH -->     its lines are in that file, in this order

A page runs in a project made from the starter, after `init`; `<!-- test: project NAME -->` in it
names another: `untracked`, the same without MLflow, where tasks start sooner; `spaceflights`, a
fixture without `vertexai.yml`; or `none`, an empty folder.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import click
import pytest
import yaml

from kedro_vertexai import cli, config
from kedro_vertexai.config import parse_config

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAME = "Tumour Diagnosis"
SECONDS = 300

# What examples run in. Without byte code every import is several times slower.
ENVIRONMENT = dict(os.environ)
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
ENVIRONMENT |= {
    "COLUMNS": "200",
    "DO_NOT_TRACK": "1",
    "KEDRO_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
}
PROGRAMS = {
    "kedro": [sys.executable, "-m", "kedro"],
    "pytest": [sys.executable, "-m", "pytest"],
    "python": [sys.executable],
}
# What differs from run to run, and what it is compared as.
VARYING = (
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"-\d{14}-[0-9a-f]{4}\b", "-JOB"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b([0-9a-f]{64}|[0-9a-f]{32})\b", "ID"),
    (r"__[0-9a-f]{8}\b", "__DIGEST"),
    (r"\b\d+\.\d+\b", "N"),
    (r"['\"]", ""),
    (r"\s+", " "),
)


class WrongExampleError(Exception):
    """What an example says is not what happens."""


@dataclass(frozen=True)
class Block:
    """A fenced example: its language, text and line, and what the comment before it says."""

    language: str
    text: str
    line: int
    says: str = ""


@dataclass(frozen=True)
class Command:
    """What follows `$ `, and the lines shown below it."""

    words: list[str]
    shown: list[str] = field(default_factory=list)


def blocks(page: Path) -> Iterator[Block]:
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    says = ""
    for number, line in lines:
        if fence := re.fullmatch(r"```(\w*)", line):
            body = [text for _, text in takewhile(lambda pair: pair[1] != "```", lines)]
            yield Block(fence[1], "\n".join(body) + "\n", number, says)
            says = ""
        elif line.strip():
            comment = re.fullmatch(r"<!-- test: (.+) -->", line)
            says = comment[1] if comment else ""


def commands(text: str) -> Iterator[Command]:
    lines = text.replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("$ "):
            words = shlex.split(line[2:], comments=True)
            below = lines[lines.index(line) + 1 :]
            yield Command(words, list(takewhile(lambda text: not text.startswith("$ "), below)))


def plain(text: str) -> str:
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def assert_shown(shown: list[str], printed: str) -> None:
    """The shown lines are among the printed ones, in that order; `...` stands for anything."""
    rest = [plain(line) for line in printed.splitlines()]
    for line in shown:
        pattern = ".*".join(re.escape(part) for part in plain(line).split("..."))
        found = [index for index, text in enumerate(rest) if re.fullmatch(pattern, text)]
        if line.strip() and not found:
            raise WrongExampleError(f"{line!r} is not in\n{printed}")
        rest = rest[found[0] + 1 :] if line.strip() and line.strip() != "..." else rest


class Shell:
    """Runs a page's blocks one after the other; `cd` and files last until the page's end."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd

    def block(self, block: Block) -> None:
        action, _, path = block.says.partition(",")[0].partition(" ")
        if action in ("write", "append"):
            self.file(self.cwd / path, block.text, "a" if action == "append" else "w")
        elif action == "part":
            text = (self.cwd / path.removeprefix("of ")).read_text(encoding="utf-8")
            assert_shown([re.sub(r" +# .*", "", line) for line in block.text.splitlines()], text)
        elif block.language == "console":
            for command in commands(block.text):
                self.command(command, succeeds=action != "fails")
        elif block.language == "python":
            self.command(Command(["python", "-c", block.text]), succeeds=True)

    @staticmethod
    def file(path: Path, text: str, mode: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as stream:
            stream.write(text)

    def command(self, command: Command, *, succeeds: bool) -> None:
        if command.words[0] == "cd":
            self.cwd = self.cwd / command.words[1]
            return
        settings = dict(word.split("=", 1) for word in takewhile(is_setting, command.words))
        words = [path for word in command.words[len(settings) :] for path in self.expand(word)]
        done = subprocess.run(
            [*PROGRAMS.get(words[0], [words[0]]), *words[1:]],
            cwd=self.cwd,
            env={**ENVIRONMENT, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if (done.returncode == 0) is not succeeds or "Traceback (" in done.stdout:
            raise WrongExampleError(f"{shlex.join(words)}: {done.returncode}\n{done.stdout}")
        assert_shown(command.shown, done.stdout)

    def expand(self, word: str) -> list[str]:
        found = sorted(self.cwd.glob(word)) if "*" in word and "=" not in word else []
        return [str(path.relative_to(self.cwd)) for path in found] or [word]


def is_setting(word: str) -> bool:
    return bool(re.match(r"[A-Z_]+=", word))


def project_of(page: Path) -> str:
    found = re.search(r"<!-- test: project (\w+) -->", page.read_text(encoding="utf-8"))
    return found[1] if found else "starter"


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made from the starter, after `init`."""
    shell = Shell(tmp_path_factory.mktemp("starter"))
    for text in (f"kedro new --starter=vertexai --name '{NAME}'", "cd tumour-diagnosis"):
        shell.command(Command(shlex.split(text)), succeeds=True)
    shell.command(
        Command(shlex.split("kedro vertexai init my-project europe-west1")), succeeds=True
    )
    return shell.cwd


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, starter: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The chosen pages, each run in a folder of its own: two at a time, as none needs another."""
    chosen = {item.name for item in request.session.items}

    def folder(page: Path) -> Path:
        path = tmp_path_factory.mktemp(page.stem) / "project"
        sources: dict[str, Callable[[], object]] = {
            "none": path.mkdir,
            "starter": lambda: shutil.copytree(starter, path),
            "untracked": lambda: shutil.copytree(
                starter, path, ignore=shutil.ignore_patterns("mlflow.yml")
            ),
            "spaceflights": lambda: shutil.copytree(ROOT / "tests/projects/spaceflights", path),
        }
        sources[project_of(page)]()
        return path

    def run(page: Path, path: Path) -> None:
        shell = Shell(path)
        for block in blocks(page):
            if not block.says.startswith("skip"):
                try:
                    shell.block(block)
                except WrongExampleError as error:
                    raise WrongExampleError(f"{page.name}:{block.line}: {error}") from None

    with ThreadPoolExecutor(2) as pool:
        yield {
            page.name: pool.submit(run, page, folder(page))
            for page in PAGES
            if f"test_examples_run[{page.name}]" in chosen
        }


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_examples_run(page: str, results: dict[str, Future[None]]) -> None:
    results[page].result()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_has_a_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{page.name}:{block.line}: the block names no language"
        action, _, rest = block.says.partition(" ")
        assert action in ("", "skip,", "fails", "write", "append", "part", "project"), block
        assert rest or action not in ("skip,", "write", "append", "part"), block
        if block.language == "console" and action != "skip,":
            assert list(commands(block.text)), f"{page.name}:{block.line}: no command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configuration_examples_are_valid(page: Path) -> None:
    for block in blocks(page):
        data = yaml.safe_load(block.text) if block.language == "yaml" else {}
        if "run_config" in data and "wrong on purpose" not in block.says:
            whole = {"project_id": "my-project", "region": "europe-west1", **data}
            whole["run_config"] = {"image": "demo", **data["run_config"]}
            parse_config(whole, f"{page.name}:{block.line}")


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def all_commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, by the words behind `kedro vertexai`."""
    yield name, command
    for word, below in command.commands.items() if isinstance(command, click.Group) else ():
        yield from all_commands(below, f"{name} {word}".strip())


def test_every_command_and_option_is_documented_and_exists() -> None:
    """A heading names its commands, the first column of the table below it their options."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    told: dict[str, set[str]] = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        cells = " ".join(re.findall(r"^\| (.*?) \|", section, flags=re.MULTILINE))
        for name in re.findall(r"`kedro vertexai ?([\w -]*)`", heading):
            told.setdefault(name, set()).update(re.findall(r"(?<![\w-])--?\w[\w-]*", cells))
    exist = {name: options_of(command) for name, command in all_commands(cli.vertexai)}
    exist[""] |= {"-h", "--help"}
    assert told == exist


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for section in config.Section.__subclasses__():
        for key in section.model_fields:
            assert f"`{key}`" in page, f"{section.__name__}.{key}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES[1:] if f"({page.name})" not in index]
    assert missing == ["index.md"]


@pytest.mark.slow
def test_picture_shows_the_starter_as_it_is(starter: Path, tmp_path: Path) -> None:
    shell = Shell(starter)
    spec, picture = tmp_path / "pipeline.json", tmp_path / "pipeline.svg"
    for words in (
        ["kedro", "vertexai", "compile", "-o", str(spec)],
        ["python", str(ROOT / "docs" / "images" / "draw_pipeline.py"), str(spec), str(picture)],
    ):
        shell.command(Command(words), succeeds=True)
    assert json.loads(spec.read_text("utf-8"))
    assert picture.read_text("utf-8") == (ROOT / "docs/images/pipeline.svg").read_text("utf-8")
