"""The local target: runs a compiled pipeline spec on this machine, every task on its own.

What runs is the spec and nothing else, so that a job that works here works on an engine that
reads the same spec.
"""

from kedro_vertexai.targets.local.job import run_job
from kedro_vertexai.targets.local.layout import ROOT
from kedro_vertexai.targets.local.options import FailurePolicy, LocalOptions
from kedro_vertexai.targets.progress import (
    LiveReporter,
    PlainReporter,
    Reporter,
    make_reporter,
)
from kedro_vertexai.targets.results import (
    JobResult,
    JobState,
    OutputArtifact,
    TaskResult,
    TaskState,
)

__all__ = [
    "ROOT",
    "FailurePolicy",
    "JobResult",
    "JobState",
    "LiveReporter",
    "LocalOptions",
    "OutputArtifact",
    "PlainReporter",
    "Reporter",
    "TaskResult",
    "TaskState",
    "make_reporter",
    "run_job",
]
