"""The rules of this repository that a test can hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kedro_vertexai

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE = 400  # lines; more is a question about its subject
MODULES = sorted((ROOT / "kedro_vertexai").rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def without_code(markdown: str) -> str:
    """Return `markdown` without its code, where brackets mean other things."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)


def anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of `markdown`."""
    prose = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.+?) *$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_markdown_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text("utf-8")))
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE))
    helped = set(re.findall(r"^([a-z0-9-]+):.*## \S", makefile, re.MULTILINE))
    assert phony
    assert phony == helped


def test_checks_before_a_commit_are_those_of_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    hooks = re.findall(
        r"entry: make .*?(\S+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.M
    )
    (targets,) = re.findall(r"for target in (.+); do", ci)
    # The tests hold the documentation's links, too.
    assert set(hooks) <= {*targets.split(), "docs"}


def test_changelog_tells_of_this_version() -> None:
    assert f"## [{kedro_vertexai.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_keeps_to_one_subject(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_MODULE


def test_python_versions_agree_everywhere() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(metadata["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (matrix,) = re.findall(r"python: \[(.+)\]", workflow)
    assert re.findall(r"3\.\d+", matrix) == claimed
    assert metadata["requires-python"] == f">={claimed[0]}"
    for script in ("python.sh", "test-all.sh"):
        assert set(claimed) <= set(re.findall(r"3\.\d+", (ROOT / "scripts" / script).read_text()))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_ignores_no_template() -> None:
    """A starter's own .gitignore counts in this repository too, and could hide its files."""
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "templates"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [name for name in listed if "cache" not in name] == []
