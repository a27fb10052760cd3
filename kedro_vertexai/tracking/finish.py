"""Close the job's MLflow run with the status that the job ended in."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.auth.reason import without_secrets
from kedro_vertexai.location import without_credentials
from kedro_vertexai.tracking import tags
from kedro_vertexai.tracking.config import set_up
from kedro_vertexai.tracking.start import find_runs, named_run

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

# Vertex AI's words; the tasks have their names in the pipeline spec.
_FAILED_TASKS = re.compile(r"The failed tasks are: \[([^\]]*)\]")
# KFP's name for all tasks but the exit handler, which is none of the user's.
_ALL_TASKS = "exit-handler-1"


@dataclass(frozen=True)
class Ending:
    """How the job ended.

    Args:
        status: FINISHED, FAILED or KILLED.
        reason: the engine's words on why it did not succeed.
        titles: the user's names for the tasks by those in the engine's words, where they differ.
        groups: the nodes of each task of several, by the user's name for the task; None if that
            is not known.
        logs: where the tasks' logs are, if that is known.
        on_exit_error: what the exit pipeline failed of, if it did.
    """

    status: str
    reason: str = ""
    titles: Mapping[str, str] | None = None
    groups: Mapping[str, list[str]] | None = None
    logs: str = ""
    on_exit_error: str = ""

    def tags(self, told: Mapping[str, str]) -> dict[str, str]:
        """What the tasks could not say themselves: one that was killed, or never joined the run.

        Args:
            told: the run's tags. A task has told of its failure there, but the one that told
                last is not always all that failed.
        """
        failed = failed_tasks(self.reason, self.titles)
        own = tags.filled(
            {
                tags.FAILED_NODE: ", ".join(failed),
                tags.ERROR: without_secrets(self.reason),
                tags.LOG: self.logs if failed else "",
            }
        )
        node = told.get(tags.FAILED_NODE, "")
        others = [task for task in failed if not self._is_of(task, node)]
        if node and failed and len(others) == len(failed) and self.groups is not None:
            # Of a task that was tried again and succeeded, and could not take it back.
            return own
        if node and others:
            return tags.filled({tags.FAILED_NODE: ", ".join([node, *others])})
        return {key: value for key, value in own.items() if key not in told}

    def _is_of(self, task: str, told: str) -> bool:
        """Whether a task has told of this node, or of all of its nodes, or of several tasks."""
        nodes = (self.groups or {}).get(task, [])
        return told in (task, *nodes, ", ".join(nodes)) or task in told.split(", ")


def failed_tasks(reason: str, titles: Mapping[str, str] | None = None) -> list[str]:
    """The user's names of the tasks that an engine says have failed; empty if it names none.

    Args:
        reason: the engine's words.
        titles: the user's names by those in the engine's words, where they differ.
    """
    failed = _FAILED_TASKS.search(reason)
    names = [name.strip() for name in failed[1].split(",")] if failed else []
    return [(titles or {}).get(name, name) for name in names if name != _ALL_TASKS]


def find_experiment(context: KedroContext) -> None:
    """Set up the server as `mlflow.yml` says, and look for the experiment without making it."""

    def by_name(config: Any) -> Experiment | None:
        from mlflow.tracking import MlflowClient

        return MlflowClient().get_experiment_by_name(config.tracking.experiment.name)

    set_up(context, by_name)


def find_run(context: KedroContext, job_id: str) -> Run | None:
    """The run that carries this job's id, if there is one.

    Args:
        context: that `find_experiment` has set up.
        job_id: the engine's id of the job.
    """
    runs = _runs_with(context, tags.RUN_ID, job_id)
    return runs[0] if runs else None


def close_run(context: KedroContext, job_id: str, ending: Ending) -> dict[str, Any] | None:
    """End the run that carries this job's id and describe it; None if there is no such run.

    Args:
        context: that `find_experiment` has set up.
        job_id: the engine's id of the job.
        ending: how the job ended.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    runs = _runs_with(context, tags.RUN_ID, job_id)
    if not runs:
        return None
    for second in runs[1:]:
        # Left by an attempt at the first task that was killed while another one made its run, or
        # by a request that was sent again since its answer was lost. No task has joined it.
        client.delete_run(second.info.run_id)
    _end(client, runs[0], ending)
    return _describe(client, runs[0].info.run_id)


def taken_over(context: KedroContext, job_id: str) -> str:
    """Whose the run is that `mlflow.yml` names, if it is another job's; else empty.

    Args:
        context: that `find_experiment` has set up.
        job_id: the engine's id of the job that does not find its run.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    run_id = named_run(context)
    if not run_id:
        return ""
    try:
        said = MlflowClient().get_run(run_id).data.tags
    except MlflowException:
        logger.debug("the run that mlflow.yml names cannot be looked at", exc_info=True)
        return ""
    other = said.get(tags.RUN_ID, job_id)
    if other == job_id:
        return ""
    return (
        f"the run {run_id} that mlflow.yml names is another job's now, "
        f"{said.get(tags.JOB_NAME, other)}, whose last task closes it: jobs that run at the same "
        "time need runs of their own, without tracking.run.id"
    )


def kill_run(
    context: KedroContext, job_name: str, run_id: str, reason: str
) -> dict[str, Any] | None:
    """End the run of a cancelled job, unless its last task has, and describe it.

    Args:
        context: that `find_experiment` has set up.
        job_name: the engine's name of the job.
        run_id: of the run; empty where the job does not tell.
        reason: why it has not ended by itself.

    Returns:
        The run; None if there is none of this job.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    runs = [client.get_run(run_id)] if run_id else _runs_with(context, tags.JOB_NAME, job_name)
    # Another job may have gone on with it since: tracking.run.id in mlflow.yml.
    runs = [run for run in runs if run.data.tags.get(tags.JOB_NAME, job_name) == job_name]
    for run in runs:
        if run.info.status in ("RUNNING", "SCHEDULED"):
            _end(client, run, Ending("KILLED", reason))
    return _describe(client, runs[0].info.run_id) if runs else None


def _runs_with(context: KedroContext, tag: str, value: str) -> list[Run]:
    """The job's runs, the earliest first, wherever they are.

    First in the experiment of `mlflow.yml`. It may have been renamed since the run was opened,
    and a resolver may give each process another name.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = context.mlflow.tracking.experiment._experiment  # type: ignore[attr-defined]
    found = find_runs(client, [experiment.experiment_id], value, tag) if experiment else []
    experiments = [] if found else _all_experiments(client)
    return find_runs(client, experiments, value, tag) if experiments else found


def _all_experiments(client: MlflowClient) -> list[str]:
    ids: list[str] = []
    token: str | None = None
    while token is None or token:
        page = client.search_experiments(page_token=token)
        ids += [experiment.experiment_id for experiment in page]
        token = page.token or ""
    return ids


def _end(client: MlflowClient, run: Run, ending: Ending) -> None:
    _put_tags(client, run, ending)
    client.set_terminated(run.info.run_id, status=ending.status)


def _put_tags(client: MlflowClient, run: Run, ending: Ending) -> None:
    from mlflow.entities import RunTag

    has = run.data.tags
    # Before the status: a task that joins the run meanwhile sees that it is closed.
    said = tags.filled({tags.ON_EXIT_ERROR: ending.on_exit_error, tags.CLOSED: ending.status})
    # An earlier attempt at the last task may have said so.
    gone = [tags.CURRENT_NODE, *({tags.ON_EXIT_ERROR} - said.keys())]
    if ending.status == "FINISHED":
        # A node failed, was tried again and succeeded.
        gone += tags.OF_FAILURE
    else:
        said |= ending.tags(has)
    client.log_batch(run.info.run_id, tags=[RunTag(k, v) for k, v in said.items()])
    for tag in gone:
        if tag in has:
            client.delete_tag(run.info.run_id, tag)


def _describe(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """The run as a summary shows it: without what its status says, and MLflow's own `mlflow.`."""
    run = client.get_run(run_id)
    shown = {
        key: value
        for key, value in sorted(run.data.tags.items())
        if key != tags.CLOSED and not key.startswith("mlflow.")
    }
    return {
        "id": run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "experiment_id": run.info.experiment_id,
        "tracking_uri": _shown(client.tracking_uri),
        "tags": shown,
    }


def _shown(uri: str) -> str:
    """A tracking URI as it may be kept; that of a store on this disk opens it again."""
    return without_credentials(uri) if uri.startswith("http") else uri
