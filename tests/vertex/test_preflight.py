"""What a pre-flight finds by asking Google: the bucket, the image, the account, the APIs."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from google_service import GoogleService
from google_service.cloud_project import CloudBucket, CloudProject
from google_service.docker_registry import DockerRegistry
from google_service.images import Images
from preflight_specs import IMAGE, accelerator, spec_of

from kedro_vertexai.config import RunConfig
from kedro_vertexai.errors import RunError
from kedro_vertexai.preflight_command import preflight, used_apis
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.images import Image, image_digest, parse_image, registry_url
from kedro_vertexai.targets.vertex.preflight import Level, Subject, check

ACCOUNT = "runner@my-project.iam.gserviceaccount.com"
WRITER = {"role": "roles/storage.objectUser", "members": [f"serviceAccount:{ACCOUNT}"]}
CLIENTS = GoogleClients(Location("my-project", "europe-west1"))


@pytest.fixture
def project(service: GoogleService, monkeypatch: pytest.MonkeyPatch) -> CloudProject:
    """A project in which nothing is wrong."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", service.url)
    project = CloudProject(
        accounts={ACCOUNT: True}, buckets={"my-bucket": CloudBucket(bindings=[WRITER])}
    )
    project.accounts[project.default_account] = True
    service.serve(project.routes)
    return project


@pytest.fixture(autouse=True)
def registry(service: GoogleService, tmp_path: Path) -> DockerRegistry:
    """The registry that holds the image."""
    registry = DockerRegistry(Images({IMAGE: tmp_path}))
    service.serve(registry.routes)
    return registry


def subject(**changed: object) -> Subject:
    return Subject(
        **{  # type: ignore[arg-type]
            "spec": spec_of(),
            "root": "gs://my-bucket/runs",
            "service_account": ACCOUNT,
            "uploads": True,
            **changed,
        }
    )


def found(level: Level, **changed: object) -> list[str]:
    return [str(item) for item in check(CLIENTS, subject(**changed)) if item.level is level]


def errors_of(**changed: object) -> list[str]:
    return found(Level.ERROR, **changed)


def warnings_of(**changed: object) -> list[str]:
    return found(Level.WARNING, **changed)


# The whole


def test_where_nothing_is_wrong_there_is_only_good_to_know(
    project: CloudProject, registry: DockerRegistry
) -> None:
    findings = check(CLIENTS, subject())
    assert {finding.level for finding in findings} == {Level.NOTE}
    [image] = [str(finding) for finding in findings if IMAGE in str(finding)]
    assert image == f"image {IMAGE} is {registry.images.find_path(*PATH_AND_TAG).digest} now"


PATH_AND_TAG = ("my-project/kedro/image", "1")


def test_everything_wrong_is_told_at_once_and_errors_come_first(project: CloudProject) -> None:
    project.buckets.clear()
    project.accounts.clear()
    project.disabled_apis = {"aiplatform.googleapis.com"}
    spec = spec_of(image="europe-west1-docker.pkg.dev/my-project/kedro/none", args=("x" * 140_000,))
    findings = check(CLIENTS, subject(spec=spec))
    levels = [finding.level for finding in findings]
    assert levels == sorted(levels)
    texts = " ".join(errors_of(spec=spec))
    for what in ("bucket gs://my-bucket", "service account", "aiplatform", "kedro/none", "KiB"):
        assert what in texts


def test_nothing_is_changed_by_looking(project: CloudProject, service: GoogleService) -> None:
    check(CLIENTS, subject())
    changing = [asked.path for asked in service.requests if asked.method not in ("GET", "HEAD")]
    assert all(path.endswith((":testIamPermissions", ":getIamPolicy")) for path in changing)


def test_what_does_not_answer_in_time_is_unchecked(
    project: CloudProject, service: GoogleService
) -> None:
    service.fail("GET", "serviceusage|services:batchGet", delay=3.0)
    findings = check(CLIENTS, subject(), time_limit=1.0)
    late = [str(finding) for finding in findings if finding.level is Level.WARNING]
    assert late == ["not checked: the enabled APIs (no answer within 1 s)"]


def test_checks_run_at_the_same_time(project: CloudProject, service: GoogleService) -> None:
    """Two answers that each wait for the other's request."""
    barrier = threading.Barrier(2, timeout=20)
    project.before_answer["bucket"] = project.before_answer["services"] = barrier.wait
    assert warnings_of() == []
    assert not barrier.broken


def test_without_credentials_there_is_one_warning_for_all(
    service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    # A token may be sent there, so one is looked for.
    for name in ("STORAGE", "IAM", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER"):
        monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}", "https://127.0.0.1:9")
    clients = GoogleClients(CLIENTS.location)
    found = [str(item) for item in check(clients, subject()) if item.level is Level.WARNING]
    [line] = [line for line in found if "service account's access" not in line]
    assert "the bucket" in line
    assert "the service account" in line
    assert "gcloud auth application-default login" in line


def test_a_service_that_cannot_be_reached_is_no_error(
    monkeypatch: pytest.MonkeyPatch, project: CloudProject
) -> None:
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", "http://127.0.0.1:9")
    assert errors_of() == []
    [line] = warnings_of()
    assert line.startswith("not checked: the service account (127.0.0.1:9 cannot be reached")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_down_is_no_error(
    project: CloudProject, service: GoogleService, status: int
) -> None:
    service.fail("GET", "services:batchGet", status=status)
    [line] = [str(item) for item in check(CLIENTS, subject()) if item.level < Level.NOTE]
    assert line.startswith("not checked: the enabled APIs (")


def test_an_answer_that_is_cut_off_is_no_error(
    project: CloudProject, service: GoogleService
) -> None:
    service.fail("GET", "storage/v1/b/my-bucket$", truncate=True)
    [line] = [str(item) for item in check(CLIENTS, subject()) if item.level < Level.NOTE]
    assert line.startswith("not checked: the bucket (")


# The bucket


def test_a_bucket_that_is_missing_comes_with_the_command_that_makes_it(
    project: CloudProject,
) -> None:
    project.buckets.clear()
    [line] = errors_of()
    assert line == (
        "bucket gs://my-bucket of run_config.root does not exist: run `gcloud storage buckets "
        "create gs://my-bucket --project=my-project --location=europe-west1`"
    )


@pytest.mark.parametrize(
    ("location", "data_locations"),
    [
        ("EUROPE-WEST1", ()),
        ("EU", ()),
        ("EUR5", ()),
        ("EU", ("EUROPE-WEST1", "EUROPE-NORTH1")),
    ],
)
def test_a_bucket_that_holds_the_region_is_no_finding(
    project: CloudProject, location: str, data_locations: tuple[str, ...]
) -> None:
    project.buckets["my-bucket"].location = location
    project.buckets["my-bucket"].data_locations = data_locations
    assert warnings_of() == []


@pytest.mark.parametrize(
    ("location", "data_locations"),
    [
        ("US", ()),
        ("EUROPE-WEST4", ()),
        ("EUR4", ()),
        ("EU", ("EUROPE-WEST4", "EUROPE-NORTH1")),
    ],
)
def test_a_bucket_elsewhere_is_a_warning(
    project: CloudProject, location: str, data_locations: tuple[str, ...]
) -> None:
    project.buckets["my-bucket"].location = location
    project.buckets["my-bucket"].data_locations = data_locations
    [line] = warnings_of()
    assert f"is in {location.lower()}, the job runs in europe-west1" in line
    assert errors_of() == []


def test_london_is_not_in_the_eu_of_cloud_storage(project: CloudProject) -> None:
    project.buckets["my-bucket"].location = "EU"
    london = GoogleClients(Location("my-project", "europe-west2"))
    assert any("is in eu" in str(finding) for finding in check(london, subject()))


def test_who_may_not_upload_gets_the_command_that_lets_him(project: CloudProject) -> None:
    project.denied = {"storage.objects.create"}
    [line] = errors_of()
    assert line.startswith("you may not upload inputs to gs://my-bucket (storage.objects.create)")
    assert "gcloud storage buckets add-iam-policy-binding gs://my-bucket" in line


def test_who_uploads_nothing_need_not_be_allowed_to(project: CloudProject) -> None:
    project.denied = {"storage.objects.create"}
    assert errors_of(uploads=False) == []


def test_a_bucket_that_may_not_be_seen_is_no_error(project: CloudProject) -> None:
    project.denied = {"storage.buckets.get"}
    assert errors_of() == []
    [line] = warnings_of()
    assert line.startswith("not checked: the bucket (permission denied:")
    assert "storage.buckets.get" in line


def test_a_root_elsewhere_is_an_error(project: CloudProject) -> None:
    [line] = errors_of(root="s3://my-bucket/runs")
    assert "'s3://my-bucket/runs', which is no place in Cloud Storage" in line


def test_an_emulator_is_asked_where_googles_clients_ask_it(
    monkeypatch: pytest.MonkeyPatch, project: CloudProject, service: GoogleService
) -> None:
    monkeypatch.delenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", service.url.removeprefix("http://"))
    project.buckets.clear()
    assert len(errors_of()) == 1


# What the service account may do there


def test_an_account_that_no_policy_names_is_a_warning_with_the_command(
    project: CloudProject,
) -> None:
    project.buckets["my-bucket"].bindings = []
    [line] = warnings_of()
    assert f"{ACCOUNT} may write there" in line
    assert f"--member=serviceAccount:{ACCOUNT} --role=roles/storage.objectUser" in line


def test_the_default_account_has_to_be_let_in_too(project: CloudProject) -> None:
    [line] = warnings_of(service_account="")
    assert f"{project.default_account} may write there" in line
    member = f"serviceAccount:{project.default_account}"
    project.buckets["my-bucket"].bindings = [{**WRITER, "members": [member]}]
    assert warnings_of(service_account="") == []


def test_a_role_in_the_project_is_as_good(project: CloudProject) -> None:
    project.buckets["my-bucket"].bindings = []
    project.bindings = [WRITER]
    assert warnings_of() == []


def test_an_editor_of_the_project_writes_where_the_bucket_lets_editors(
    project: CloudProject,
) -> None:
    project.bindings = [{"role": "roles/editor", "members": [f"serviceAccount:{ACCOUNT}"]}]
    editors = {"role": "roles/storage.legacyBucketOwner", "members": ["projectEditor:my-project"]}
    project.buckets["my-bucket"].bindings = []
    assert len(warnings_of()) == 1
    project.buckets["my-bucket"].bindings = [editors]
    assert warnings_of() == []


def test_a_role_that_only_reads_is_not_enough(project: CloudProject) -> None:
    reader = {**WRITER, "role": "roles/storage.objectViewer"}
    project.buckets["my-bucket"].bindings = [reader]
    assert len(warnings_of()) == 1


def test_policies_that_may_not_be_read_are_named(project: CloudProject) -> None:
    project.denied = {"storage.buckets.getIamPolicy"}
    [line] = warnings_of()
    assert line.startswith("not checked: the service account's access to the bucket")
    assert "storage.buckets.getIamPolicy" in line


# The service account


def test_an_account_that_is_missing_comes_with_the_command_that_makes_it(
    project: CloudProject,
) -> None:
    del project.accounts[ACCOUNT]
    [line] = errors_of()
    assert line == (
        f"service account {ACCOUNT} does not exist: run `gcloud iam service-accounts create "
        "runner --project=my-project`"
    )


def test_a_disabled_account_is_an_error(project: CloudProject) -> None:
    project.accounts[ACCOUNT] = False
    [line] = errors_of()
    assert f"is disabled: run `gcloud iam service-accounts enable {ACCOUNT}`" in line


def test_who_may_not_act_as_the_account_gets_the_command(project: CloudProject) -> None:
    project.denied = {"iam.serviceAccounts.actAs"}
    [line] = errors_of()
    assert line.startswith(f"you may not run jobs as {ACCOUNT} (iam.serviceAccounts.actAs)")
    assert "--role=roles/iam.serviceAccountUser" in line


def test_a_name_without_its_project_is_an_error_with_the_whole_address(
    project: CloudProject,
) -> None:
    [line] = errors_of(service_account="runner")
    assert line.endswith("write runner@my-project.iam.gserviceaccount.com")


def test_without_an_account_the_projects_default_is_checked(project: CloudProject) -> None:
    assert errors_of(service_account="") == []
    del project.accounts[project.default_account]
    [line] = errors_of(service_account="")
    assert f"the default service account {project.default_account} does not exist" in line


# APIs


def test_every_api_that_is_missing_is_in_one_command(project: CloudProject) -> None:
    project.disabled_apis = {"aiplatform.googleapis.com", "artifactregistry.googleapis.com"}
    [line] = errors_of()
    assert line.endswith(
        "run `gcloud services enable aiplatform.googleapis.com artifactregistry.googleapis.com "
        "--project=my-project`"
    )


def test_an_image_elsewhere_needs_no_artifact_registry_here(
    project: CloudProject, registry: DockerRegistry, tmp_path: Path
) -> None:
    project.disabled_apis = {"artifactregistry.googleapis.com"}
    shared = "europe-west1-docker.pkg.dev/shared/kedro/image:1"
    registry.images.push(shared, tmp_path)
    assert errors_of(spec=spec_of(image=shared)) == []


def test_secrets_need_secret_manager(project: CloudProject) -> None:
    run_config = RunConfig.model_validate(
        {
            "image": IMAGE,
            "root": "my-bucket/runs",
            "authentication": {
                "type": "Vars",
                "params": ["MLFLOW_TRACKING_TOKEN"],
                "secrets": {"backend": "google-secret-manager"},
            },
        }
    )
    project.disabled_apis = {"secretmanager.googleapis.com"}
    with pytest.raises(RunError, match=r"secretmanager\.googleapis\.com is not enabled"):
        preflight(CLIENTS, subject(apis=used_apis(run_config)))


# The region's accelerators


def test_an_accelerator_that_the_region_has_is_no_finding(project: CloudProject) -> None:
    assert warnings_of(spec=spec_of(resources=accelerator("NVIDIA_TESLA_T4"))) == []


def test_an_accelerator_that_the_region_lacks_comes_with_regions_that_have_it(
    project: CloudProject,
) -> None:
    project.accelerators["nvidia-a100-80gb"] = ("us-central1-a", "us-central1-c", "europe-west4-a")
    [line] = warnings_of(spec=spec_of(resources=accelerator("NVIDIA_A100_80GB")))
    assert line.startswith("no zone of europe-west1 has NVIDIA_A100_80GB")
    assert line.endswith("as europe-west4, us-central1")


def test_an_accelerator_of_which_compute_engine_knows_nothing_is_no_finding(
    project: CloudProject,
) -> None:
    assert warnings_of(spec=spec_of(resources=accelerator("NVIDIA_L4"))) == []


def test_where_nobody_tells_of_accelerators_they_are_not_checked(project: CloudProject) -> None:
    project.denied = {"compute.acceleratorTypes.list"}
    [line] = warnings_of(spec=spec_of(resources=accelerator("NVIDIA_TESLA_T4")))
    assert line.startswith("not checked: the region's accelerators (permission denied")


def test_without_accelerators_nobody_is_asked(
    project: CloudProject, service: GoogleService
) -> None:
    check(CLIENTS, subject())
    assert service.asked("GET", "acceleratorTypes") == []


# The image


def test_an_image_that_is_missing_is_an_error(project: CloudProject) -> None:
    missing = IMAGE.replace(":1", ":2")
    [line] = errors_of(spec=spec_of(image=missing))
    assert line == (
        f"image {missing} does not exist in its registry: "
        f"run `kedro vertexai build --image {missing}`"
    )


def test_an_image_that_cannot_be_asked_for_hides_no_other(registry: DockerRegistry) -> None:
    missing, elsewhere = IMAGE.replace(":1", ":2"), "127.0.0.1:9/team/image:1"
    spec = spec_of(image=elsewhere)
    executors = spec["deploymentSpec"]["executors"]
    executors["exec-other"] = {"container": {"image": missing}}
    [line] = errors_of(spec=spec)
    assert line.startswith(f"image {missing} does not exist")
    [line] = [line for line in warnings_of(spec=spec) if "the image" in line]
    assert line.startswith("not checked: the image (127.0.0.1:9 cannot be reached")


def test_a_digest_is_not_said_again(project: CloudProject, registry: DockerRegistry) -> None:
    digest = registry.images.find_path(*PATH_AND_TAG).digest
    pinned = f"{IMAGE.removesuffix(':1')}@{digest}"
    assert not any(digest in line for line in found(Level.NOTE, spec=spec_of(image=pinned)))
    assert errors_of(spec=spec_of(image=pinned)) == []


def test_the_digest_is_what_the_tag_means_now(registry: DockerRegistry, tmp_path: Path) -> None:
    before = image_digest(CLIENTS, IMAGE)
    (tmp_path / "other").mkdir()
    after = registry.images.push(IMAGE, tmp_path / "other")
    assert before != after
    assert image_digest(CLIENTS, IMAGE) == after


def test_a_google_token_is_not_sent_where_everybody_can_read_it(
    registry: DockerRegistry, service: GoogleService
) -> None:
    registry.accounts = {"oauth2accesstoken": "secret"}
    with pytest.raises(RunError, match="does not let you read my-project/kedro/image"):
        image_digest(CLIENTS, IMAGE)
    assert not any("authorization" in asked.headers for asked in service.asked("HEAD"))


def test_another_registry_gets_what_docker_login_has_kept(
    registry: DockerRegistry,
    service: GoogleService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = service.url.removeprefix("http://")
    digest = registry.images.push(f"{host}/team/image:1", tmp_path)
    registry.accounts = {"me": "pa:ss"}
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    write_docker_config(tmp_path, {host: {"auth": "bWU6cGE6c3M="}})
    assert image_digest(CLIENTS, f"{host}/team/image:1") == digest


def test_a_wrong_password_is_unchecked_and_no_missing_image(
    registry: DockerRegistry,
    service: GoogleService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = service.url.removeprefix("http://")
    registry.images.push(f"{host}/team/image:1", tmp_path)
    registry.accounts = {"me": "right"}
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    write_docker_config(tmp_path, {host: {"auth": "bWU6d3Jvbmc="}})
    with pytest.raises(RunError, match="does not let you read team/image"):
        image_digest(CLIENTS, f"{host}/team/image:1")


def test_a_password_goes_to_no_other_address_in_the_clear(
    registry: DockerRegistry,
    service: GoogleService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = service.url.removeprefix("http://")
    registry.images.push(f"{host}/team/image:1", tmp_path)
    registry.accounts = {"me": "pa:ss"}
    registry.realm = f"{service.url.replace('127.0.0.1', 'localhost')}/v2/token"
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    write_docker_config(tmp_path, {host: {"auth": "bWU6cGE6c3M="}})
    with pytest.raises(RunError, match="does not let you read"):
        image_digest(CLIENTS, f"{host}/team/image:1")
    assert service.asked("GET", "token") == []


def write_docker_config(folder: Path, auths: dict[str, dict[str, str]]) -> None:
    (folder / "config.json").write_text(json.dumps({"auths": auths}))


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("python", Image("docker.io", "library/python", "latest")),
        ("team/image:1", Image("docker.io", "team/image", "1")),
        ("localhost/image", Image("localhost", "image", "latest")),
        ("host:5000/a/b", Image("host:5000", "a/b", "latest")),
        ("gcr.io/p/i:1@sha256:ab", Image("gcr.io", "p/i", "sha256:ab")),
        (IMAGE, Image("europe-west1-docker.pkg.dev", "my-project/kedro/image", "1")),
    ],
)
def test_names_of_images_are_read_as_docker_reads_them(name: str, parsed: Image) -> None:
    assert parse_image(name) == parsed


def test_registries_are_asked_over_tls_but_for_those_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY", raising=False)
    assert registry_url("docker.io") == "https://registry-1.docker.io"
    assert registry_url("europe-docker.pkg.dev") == "https://europe-docker.pkg.dev"
    assert registry_url("localhost:5000") == "http://localhost:5000"
    assert registry_url("localhost.example.com") == "https://localhost.example.com"


# As commands use it


def test_errors_end_a_command_with_all_that_was_found(project: CloudProject) -> None:
    project.buckets.clear()
    project.denied = {"serviceusage.services.get"}
    with pytest.raises(RunError) as raised:
        preflight(CLIENTS, subject())
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "1 problem would keep the job from running (--no-check submits it all the same)"
    )
    assert lines[1].startswith("  bucket gs://my-bucket")
    assert lines[2] == "and what may matter too:"
    assert lines[3].startswith("  not checked: the enabled APIs")


def test_warnings_and_notes_are_handed_to_a_command_apart(project: CloudProject) -> None:
    project.denied = {"serviceusage.services.get"}
    warnings, notes, _ = preflight(CLIENTS, subject())
    assert len(warnings) == 1
    assert any(IMAGE in line for line in notes)
