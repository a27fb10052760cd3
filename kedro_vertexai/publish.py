"""`kedro vertexai publish`: compiled specs as templates that others run without the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kedro_vertexai.compiler import Compiled, spec_for_vertex, staging_root
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.spec.write import render_spec
from kedro_vertexai.stage import stage
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.templates import Repository, publish_template


def publish(
    compiled: Sequence[Compiled], repository: Repository, tags: Sequence[str]
) -> Iterator[str]:
    """Upload each pipeline's spec, and before it the raw inputs that it names.

    Args:
        compiled: the pipelines, of one project.
        repository: where to.
        tags: what each version is called, beside its digest; valid ones.

    Yields:
        Lines that say what has been done.

    Raises:
        VertexAIError: a mistake of the user's, found before anything is uploaded; or the registry
            or the storage refuses.
    """
    _check_names(compiled)
    texts = [render_spec(spec_for_vertex(one), as_json=False) for one in compiled]
    for one, text in zip(compiled, texts, strict=True):
        plan = one.plan
        if plan.staged:
            root = staging_root(one)
            yield f"{stage(one, root)} under {root}"
        location = Location(one.config.project_id, one.config.region)
        published = publish_template(GoogleClients(location), repository, plan.name, text, tags)
        template = published.template
        state = "published" if published.is_new else "was published already, unchanged"
        yield f"{plan.name} {state}: version {template.version}"
        yield f"  {template.uri}"
        for tag in tags:
            yield f"  {repository.url}/{template.package}/{tag}"


def _check_names(compiled: Sequence[Compiled]) -> None:
    """Refuse two pipelines of one name: the second would be a version of the first."""
    for name, count in Counter(one.plan.name for one in compiled).items():
        if count > 1:
            raise ConfigError(f"--pipeline: {count} pipelines would be published as '{name}'")
