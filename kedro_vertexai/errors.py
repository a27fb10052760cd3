"""The errors a user can act on: each message says what is wrong, where, and what to do.

Everything below the command line raises one of these for a user's mistake; `cli.py` turns
it into one line and a non-zero exit code. Any other exception is a defect of ours.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class VertexAIError(Exception):
    """Base of every error whose message is written for the user."""


class ConfigError(VertexAIError):
    """`vertexai.yml` (or an option that overrides it) says something that cannot be."""


class ProjectError(VertexAIError):
    """The Kedro project cannot be read: a pipeline, the catalog or the configuration."""


class PlanError(VertexAIError):
    """The project can be read, but no run can be planned from it."""


class RunError(VertexAIError):
    """A target cannot start or finish a job."""


class TaskError(VertexAIError):
    """One task cannot do its work inside its container."""


class TrackingError(VertexAIError):
    """The MLflow run of a job cannot be opened, joined or closed."""


class AuthError(VertexAIError):
    """A request to MLflow cannot be signed."""


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return `", did you mean 'x'?"` for the known name nearest to `word`, or an empty string.

    Args:
        word: what the user wrote.
        known: what could have been meant.
        likeness: how like it that must be, from 0 to 1 for the same.
    """
    matches = get_close_matches(word, [str(name) for name in known], n=1, cutoff=likeness)
    return f", did you mean '{matches[0]}'?" if matches else ""
