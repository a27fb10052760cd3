"""Vertex AI and the services beside it, on this machine, for tests.

    with running_service(images={"europe-docker.pkg.dev/p/r/i:tag": path}) as service:
        ...

or the fixture `service` of tests/vertex/conftest.py, together with Cloud Storage:

    def test_a_job_ends(service, project):
        done = project.kedro("vertexai", "run-once", "--wait")  # service.environment is set
        assert service.job().wait() == "SUCCEEDED"

The real client talks to it over HTTP; the bodies are read with Google's own protobuf messages,
what Vertex AI refuses is refused, and a submitted spec really runs: in a child process, by the
plugin's local engine. An image is a directory with a Kedro project (`Image(path, holds=(...))`
if data is in it too); a task whose image is unknown fails. Outputs are uploaded below
the job's `gcsOutputDirectory`.

Reading: `service.jobs`, `service.job(ID)` (`.state`, `.wait()`, `.task(NAME)`, `.task_states()`,
`.message()`), `service.requests`, `service.asked("POST", "pipelineJobs$")`.

Making things go wrong, each for the next `times` requests that match:

    service.fail("POST", "pipelineJobs$", status=503, times=2)
    service.fail("POST", "pipelineJobs$", reset=True, after=True)  # made, but nobody is told
    service.fail("GET", "pipelineJobs/", truncate=True)            # or delay=3
    service.fail("POST", "pipelineJobs$", error=errors.permission_denied(...))
    service.tokens = {"a-token"}; service.clock_skew = timedelta(hours=1)

Besides pipeline jobs: `service.schedules` (`.fire(NAME)` starts a run now), `service.metadata`
(contexts, of which experiments are made), `service.operations`, log entries of all containers,
`service.cloud_build` (`.archives`, `.status` of the next builds).
`service.serve(routes)` adds what another file of this package answers.

Without running anything: `service.settings.execute = False`; then a job is PENDING, and
`job.start()`, `job.set_task(NAME, "FAILED", error=...)`, `job.set_state("FAILED")`,
`job.logs.write(job.custom_job_id(NAME), "a line")` tell its story.
"""

from google_service.images import Image
from google_service.job import Job
from google_service.place import Place
from google_service.service import Asked, GoogleService, running_service

__all__ = ["Asked", "GoogleService", "Image", "Job", "Place", "running_service"]
