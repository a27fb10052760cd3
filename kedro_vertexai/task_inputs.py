"""Names of our own inputs and outputs of tasks, which specs write and containers read.

No cleaned name of a user's has two underscores in a row.
"""

# What a task is told about itself: a JSON document.
TASK = "kedro__task"
# The job and its MLflow run, which the first task of a tracked pipeline hands to all others.
JOB = "kedro__job"
# What the first and the last task of a tracked pipeline know of the spec: a JSON document.
TRACKING = "kedro__tracking"
# The engine's own name and id of the job.
JOB_NAME = "job__name"
JOB_ID = "job__id"
# How the job ended, for the last task, and the MLflow run as that task left it.
STATUS = "job__status"
RUN = "mlflow__run"
