"""The Kedro parameter that tells an exit pipeline how the job ended: `params:vertexai_job`.

It is given when the job has ended, and so is none of `parameters.yml`.
"""

from __future__ import annotations

JOB_PARAMETER = "vertexai_job"
STATE = "state"
ERROR = "error"
FAILED_NODES = "failed_nodes"
JOB_NAME = "job_name"
JOB_ID = "job_id"
JOB_KEYS = (STATE, ERROR, FAILED_NODES, JOB_NAME, JOB_ID)

_INPUT = f"params:{JOB_PARAMETER}"


def is_job_parameter(entry: str) -> bool:
    """Whether a node's input is the parameter, or something inside it."""
    return entry == _INPUT or entry.startswith(f"{_INPUT}.")


def inner_key(entry: str) -> str:
    """The key that such an input names inside the parameter; empty for the whole of it."""
    return entry.removeprefix(_INPUT).removeprefix(".")
