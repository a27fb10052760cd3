"""What several `kedro vertexai` commands share: the options that choose a pipeline."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.utils import split_node_names, split_string

from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kedro_vertexai.compiler import Request

# `kedro run --params` splits at commas.
_LOOKS_LIKE_TWO = re.compile(r"=[^,\[{\"']*,\s*[A-Za-z_][\w.]*=")
_POSITIVE = click.FloatRange(min=0, min_open=True)


image_option = click.option(
    "-i", "--image", help="Image of the tasks, instead of run_config.image."
)


def params_option(what: str = "Parameter value") -> Callable[..., Any]:
    """Values by name, of what `overrides.parse_overrides` reads; `what` begins the help."""
    return click.option(
        "--params",
        "--param",
        "params",
        multiple=True,
        help=f"{what} as key=value, typed as in YAML; dots nest. Repeatable.",
    )


def params_file_option(what: str = "parameter values") -> Callable[..., Any]:
    """The same in a file."""
    return click.option(
        "--params-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"YAML or JSON file of {what}.",
    )


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which pipeline, image, nodes and parameter values."""
    names: dict[str, Any] = {"default": "", "callback": split_string}
    nodes: dict[str, Any] = {"default": "", "callback": split_node_names}
    options = (
        click.option("-p", "--pipeline", default="__default__", help="Registered pipeline."),
        image_option,
        click.option("-t", "--tags", **names, help="Only nodes with any of these tags."),
        click.option("-n", "--nodes", "node_names", **nodes, help="Only these nodes."),
        click.option("--from-nodes", **nodes, help="Start from these nodes."),
        click.option("--to-nodes", **nodes, help="End with these nodes."),
        click.option("--from-inputs", **names, help="Start from these datasets."),
        click.option("--to-outputs", **names, help="End with these datasets."),
        click.option("-ns", "--namespaces", **nodes, help="Only these namespaces."),
        params_option(),
        params_file_option(),
    )
    for option in reversed(options):
        command = option(command)
    return command


def submission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whether a job of Vertex AI is sent, and how long it is followed then."""
    options = (
        click.option(
            "--wait-for-completion",
            "--wait",
            "wait",
            is_flag=True,
            help="Follow the job to its end; exit code 0 only if it succeeds.",
        ),
        click.option("--timeout", type=_POSITIVE, help="Seconds to wait; needs --wait."),
        click.option(
            "--on-timeout",
            type=click.Choice(["leave", "cancel"]),
            help="What becomes of the job then; it is left running without.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Print the request to Vertex AI, and submit nothing."
        ),
        click.option("--no-check", is_flag=True, help="Submit without the pre-flight."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_submission(options: dict[str, Any]) -> dict[str, Any]:
    """Take what `submission_options` and `--yes` say out of all options.

    Returns:
        The same by the names of `VertexOptions`.

    Raises:
        click.UsageError: in place of leaving one out in silence.
    """
    taken = {name: options.pop(name) for name in ("wait", "timeout", "on_timeout", "dry_run")}
    if taken["timeout"] is not None and not taken["wait"]:
        raise click.UsageError("--timeout is how long to wait: it needs --wait")
    if taken["on_timeout"] and taken["timeout"] is None:
        raise click.UsageError("--on-timeout is what comes after --timeout: it needs that")
    return {
        **taken,
        "on_timeout": taken["on_timeout"] or "leave",
        "asks": not options.pop("yes"),
        "check": not options.pop("no_check"),
    }


def request_of(obj: dict[str, Any], options: dict[str, Any], *, new_defaults: bool) -> Request:
    """What `pipeline_options` ask of the compiler.

    Args:
        obj: the project and environment of the group.
        options: by name.
        new_defaults: see `Request`.
    """
    from dataclasses import fields

    from kedro_vertexai.compiler import Request
    from kedro_vertexai.overrides import parse_declared, parse_overrides
    from kedro_vertexai.project_pipeline import Filters

    params = options["params"]
    # The peer's `compile --params name:type` declares; without `=` there is no value to give.
    declared = [item for item in params if "=" not in item and ":" in item]
    pairs = [item for item in params if item not in declared]
    warn(
        [
            f"--params {pair}: the comma belongs to the value, repeat --params for another one"
            for pair in pairs
            if _LOOKS_LIKE_TWO.search(pair)
        ]
    )
    return Request(
        project_path=obj["path"],
        env=obj["env"],
        pipeline=options["pipeline"],
        filters=Filters(**{field.name: tuple(options[field.name]) for field in fields(Filters)}),
        image=options["image"],
        values=parse_overrides(pairs, options["params_file"]),
        declared=parse_declared(",".join(declared)),
        new_defaults=new_defaults,
    )


def check_run_options(target: str, vertex: Mapping[str, Any], max_workers: int | None) -> None:
    """Refuse options of `run-once` that mean nothing together.

    Args:
        target: `vertex`, `local` or `docker`.
        vertex: those of `take_submission`.
        max_workers: which speaks of a run on this machine alone.

    Raises:
        click.UsageError: in place of leaving them out in silence.
    """
    if target == "vertex" and max_workers is not None:
        raise click.UsageError(
            "--max-workers is for --target local and docker: Vertex AI decides by itself"
        )
    if target != "vertex" and (vertex["dry_run"] or vertex["timeout"] is not None):
        raise click.UsageError("--dry-run and --timeout are for --target vertex")


def pulls(*, asks: bool) -> Callable[[str], bool]:
    """Who decides whether an image may be pulled: the user, where somebody can answer.

    Args:
        asks: False says yes to all (`--yes`).
    """

    def may_pull(image: str) -> bool:
        if asks and not (
            sys.stdin.isatty() and click.confirm(f"Image {image} is not here. Pull it?")
        ):
            return False
        click.echo(f"Pulling {image}")
        return True

    return may_pull


def check_auto_build(
    auto_build: bool, target: str, template: str | None, vertex: Mapping[str, Any]
) -> None:
    """Refuse options of `run-once` that leave nothing to build for.

    Args:
        auto_build: whether the image is built first.
        target: where it would run.
        template: a published pipeline.
        vertex: those of `take_submission`.

    Raises:
        click.UsageError: in place of building an image for nobody.
    """
    if not auto_build:
        return
    if target == "local":
        raise click.UsageError("--auto-build builds an image, and --target local runs none")
    if template is not None:
        raise click.UsageError("--auto-build: the image was settled when it was published")
    if vertex["dry_run"]:
        raise click.UsageError("--auto-build pushes an image, and --dry-run sends nothing")


def template_values(ctx: click.Context, target: str) -> dict[str, Any]:
    """The nested parameter values for a template.

    Args:
        ctx: of `run-once`.
        target: `vertex`, `local` or `docker`.

    Raises:
        click.UsageError: an option that a template cannot follow.
        ConfigError: a value that cannot be read.
    """
    from click.core import ParameterSource

    from kedro_vertexai.overrides import parse_overrides

    if target != "vertex":
        raise click.UsageError("--template is for --target vertex")
    chosen = [
        option.opts[0]
        for option in _pipeline_options(ctx)
        if ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]
    if chosen:
        raise click.UsageError(f"{chosen[0]} was settled when the template was published")
    return parse_overrides(ctx.params["params"], ctx.params["params_file"])


def _pipeline_options(ctx: click.Context) -> list[click.Parameter]:
    from kedro_vertexai.project_pipeline import Filters

    names = {"pipeline", "image", *vars(Filters())}
    return [option for option in ctx.command.params if option.name in names]
