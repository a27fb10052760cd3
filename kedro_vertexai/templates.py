"""Where the files lie that we hand to users: the starter and the first `vertexai.yml`."""

from pathlib import Path


def templates_dir() -> Path:
    """Return the folder of the templates: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    packaged = package / "templates"
    return packaged if packaged.is_dir() else package.parent / "templates"
