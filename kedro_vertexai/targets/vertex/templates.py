"""Pipeline specs in a repository of Artifact Registry, from where they are run by their URI.

https://cloud.google.com/vertex-ai/docs/pipelines/create-pipeline-template
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ConfigError, RunError
from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients, endpoint
from kedro_vertexai.targets.vertex.errors import no_token
from kedro_vertexai.targets.vertex.retry import TRANSIENT_STATUS, Patience, retried

if TYPE_CHECKING:
    from requests import Response

# https://cloud.google.com/artifact-registry/docs/repositories/create-repos#create and
# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_REPOSITORY = re.compile(
    r"(?:https://)?(?P<location>[a-z][a-z0-9-]*)-kfp\.pkg\.dev"
    r"/(?P<project>[a-z][a-z0-9-]*)/(?P<name>[a-z][a-z0-9-]*)"
)
_PACKAGE = r"/(?P<package>[^/]+)/(?P<version>[^/]+)"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The registry takes several tags as one text with commas, and a digest is a version's own name.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Repository:
    """A repository of pipeline templates."""

    location: str
    project: str
    name: str

    @classmethod
    def parse(cls, url: str) -> Repository:
        """Read `https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY`.

        Raises:
            ConfigError: it is of another form.
        """
        match = _REPOSITORY.fullmatch(url.rstrip("/"))
        if match is None:
            raise ConfigError(
                f"'{url}' is no repository of pipeline templates: write it as "
                "https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY"
            )
        return cls(match["location"], match["project"], match["name"])

    @property
    def url(self) -> str:
        """What its templates' URIs begin with."""
        return f"https://{self.location}-kfp.pkg.dev/{self.project}/{self.name}"

    @property
    def parent(self) -> str:
        """What Artifact Registry's API calls it."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.name}"

    def _gcloud(self, *words: str) -> str:
        place = (f"--location={self.location}", f"--project={self.project}")
        return f"run `{shlex.join(('gcloud', *words, *place))}`"

    @property
    def create_command(self) -> str:
        """What makes it."""
        return self._gcloud(
            "artifacts", "repositories", "create", self.name, "--repository-format=kfp"
        )

    def grant_command(self, role: str) -> str:
        """What lets the user do something with it."""
        binding = ("--member=user:YOUR_ADDRESS", f"--role=roles/artifactregistry.{role}")
        return self._gcloud(
            "artifacts", "repositories", "add-iam-policy-binding", self.name, *binding
        )


@dataclass(frozen=True)
class Template:
    """One version of a template, named by its digest or by a tag."""

    repository: Repository
    package: str
    version: str

    @classmethod
    def parse(cls, uri: str) -> Template:
        """Read `https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY/PIPELINE/VERSION`.

        Raises:
            ConfigError: it is of another form.
        """
        match = re.fullmatch(_REPOSITORY.pattern + _PACKAGE, uri)
        if match is None:
            raise ConfigError(
                f"'{uri}' is no pipeline template: write its URI as "
                "https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY/PIPELINE/TAG, or end it in "
                "its version, sha256:..."
            )
        repository = Repository(match["location"], match["project"], match["name"])
        return cls(repository, match["package"], match["version"])

    @property
    def uri(self) -> str:
        """By which it is run."""
        return f"{self.repository.url}/{self.package}/{self.version}"


@dataclass(frozen=True)
class Published:
    """A template that is in its repository now; `is_new` is whether it was not before."""

    template: Template
    is_new: bool


def check_tags(tags: Sequence[str]) -> None:
    """Refuse what cannot be a tag, before anything is uploaded.

    Raises:
        ConfigError: names the tag.
    """
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise ConfigError(f"--tag '{tag}': use letters, digits, _, . and -")


def publish_template(
    clients: GoogleClients,
    repository: Repository,
    package: str,
    text: str,
    tags: Sequence[str],
    patience: Patience | None = None,
) -> Published:
    """Upload a spec. Each tag means this version from then on, whatever it meant before.

    The upload is that of `kfp.registry.RegistryClient`. It may be made again: a version is named
    by its content.

    Args:
        clients: whose credentials are sent.
        repository: where to.
        package: the spec's own name, which the registry takes for the template's.
        text: the spec as YAML.
        tags: valid ones.
        patience: how long transient errors are waited out.

    Raises:
        RunError: the registry refuses, or cannot be reached.
    """
    content = text.encode()
    known = Template(repository, package, f"sha256:{hashlib.sha256(content).hexdigest()}")
    was_there = _has_version(clients, known, patience)
    response = _send(
        clients,
        repository,
        _address(repository),
        "POST",
        patience,
        files={"content": (f"{package}.yaml", content, "application/yaml")},
        data={"tags": ",".join(tags)} if tags else {},
    )
    _check(response, repository, "writer", repository.create_command)
    name, _, version = response.text.strip().partition("/")
    if name != package or not _DIGEST.fullmatch(version):
        raise RunError(f"{repository.url} does not say which version it has stored")
    return Published(
        Template(repository, name, version), is_new=not (was_there and version == known.version)
    )


def fetch_template(
    clients: GoogleClients, template: Template, patience: Patience | None = None
) -> dict[str, Any]:
    """The spec of a template; transient errors are waited out.

    Raises:
        RunError: there is no such template, it is no pipeline spec, or the registry refuses.
    """
    repository = template.repository
    url = f"{_address(repository)}/{template.package}/{template.version}"
    response = _send(clients, repository, url, "GET", patience)
    _check(response, repository, "reader", f"see what there is: {_list_command(template)}")
    return _spec(response.content, template)


def _spec(content: bytes, template: Template) -> dict[str, Any]:
    """The first of the file's documents: a second one is for Kubeflow alone."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = next(iter(yaml.load_all(content, Loader=loader)), None)
    except yaml.YAMLError as error:
        raise RunError(f"{template.uri} is no YAML") from error
    spec = document.get("pipelineSpec", document) if isinstance(document, Mapping) else None
    if not isinstance(spec, dict) or not {"pipelineInfo", "root"} <= spec.keys():
        raise RunError(f"{template.uri} is no pipeline spec")
    return spec


def _has_version(clients: GoogleClients, template: Template, patience: Patience | None) -> bool:
    """Whether the version is there; also False where the user may not look."""
    base = endpoint("artifactregistry", "https://artifactregistry.googleapis.com")
    path = f"{template.repository.parent}/packages/{template.package}/versions/{template.version}"
    response = _send(clients, template.repository, f"{base}/v1/{path}", "GET", patience)
    return response.status_code == 200


def _send(
    clients: GoogleClients,
    repository: Repository,
    url: str,
    method: str,
    patience: Patience | None,
    **parts: Any,
) -> Response:
    """The answer to a request that may be made again, which may be a refusal."""
    from google.api_core.exceptions import GoogleAPICallError, from_http_response
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests import RequestException

    def sent() -> Response:
        response = clients.session_for(url).request(method, url, timeout=TIMEOUT, **parts)
        if response.status_code in TRANSIENT_STATUS:
            raise from_http_response(response)  # type: ignore[no-untyped-call]
        return response

    try:
        return retried(sent, patience)
    except GoogleAPICallError as error:
        refusal: Response = error.response
        return refusal
    except (RequestException, TransportError) as error:
        raise RunError(f"{repository.url} cannot be reached ({type(error).__name__})") from error
    except GoogleAuthError as error:
        raise RunError(f"{repository.url} {no_token(error)}") from error


def _address(repository: Repository) -> str:
    """Where the repository answers, a server on this machine included."""
    emulator = endpoint("artifactregistry", "")
    if emulator.startswith("http://"):
        return f"{emulator}/{repository.project}/{repository.name}"
    return repository.url


def _check(response: Response, repository: Repository, role: str, absent: str) -> None:
    """Raise one line for an answer that is none.

    Raises:
        RunError: names what mends it.
    """
    if response.status_code < 400:
        return
    said = _message(response)
    if response.status_code == 404:
        raise RunError(f"{said or f'{repository.url} has no such template'}: {absent}")
    if response.status_code == 401:
        raise RunError(f"{repository.url} {no_token()}")
    if response.status_code == 403:
        hint = repository.grant_command(role)
        raise RunError(f"{repository.url} denies permission ({said}): {hint}")
    raise RunError(f"{repository.url} answers {response.status_code}: {said}")


def _message(response: Response) -> str:
    """Google's words in an error of JSON, else the text itself."""
    try:
        content = response.json()
    except ValueError:
        return " ".join(response.text.split())[:200]
    error = content.get("error") if isinstance(content, dict) else None
    return " ".join(str(error.get("message", "")).split()) if isinstance(error, dict) else ""


def _list_command(template: Template) -> str:
    repository = template.repository
    words = ["gcloud", "artifacts", "versions", "list", f"--package={template.package}"]
    words += [f"--repository={repository.name}", f"--location={repository.location}"]
    return f"run `{shlex.join([*words, f'--project={repository.project}'])}`"
