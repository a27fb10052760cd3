"""What could keep a job from running, asked before it is submitted: all of it at once."""

from kedro_vertexai.targets.vertex.preflight.finding import Finding, Level
from kedro_vertexai.targets.vertex.preflight.run import check
from kedro_vertexai.targets.vertex.preflight.subject import Subject

__all__ = ["Finding", "Level", "Subject", "check"]
