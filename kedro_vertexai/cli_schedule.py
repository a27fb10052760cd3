"""The `kedro vertexai schedule` command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from kedro_vertexai.cli_options import (
    image_option,
    params_file_option,
    params_option,
    request_of,
)
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.warn import warn

_ACTIONS = ("list", "pause", "resume", "delete")
_POSITIVE = click.IntRange(min=1)
_OPTIONS = (
    click.option("-p", "--pipeline", help="Registered pipeline; `__default__` without."),
    image_option,
    click.option("-c", "--cron-expression", help="When jobs start, as `0 3 * * *`."),
    click.option("-t", "--timezone", help="IANA time zone of the expression, as Europe/Berlin."),
    click.option("--start-time", help="No job before, as 2026-01-31T12:00:00Z (RFC 3339)."),
    click.option("--end-time", help="No job after, in the same form."),
    click.option(
        "--allow-queueing/--no-allow-queueing",
        default=None,
        help="Whether a job that comes too early waits, or is left out.",
    ),
    click.option("--max-run-count", type=_POSITIVE, help="Most jobs in all."),
    click.option(
        "--max-concurrent-run-count", type=_POSITIVE, help="Most jobs that are started at once."
    ),
    click.option(
        "--max-concurrent-active-run-count", type=_POSITIVE, help="Most jobs that run at once."
    ),
    params_option(),
    params_file_option(),
    click.option("--list", "action", flag_value="list", help="Show this project's schedules."),
    click.option("--pause", "action", flag_value="pause", help="Start no more jobs."),
    click.option(
        "--resume", "action", flag_value="resume", help="Start jobs again, none of those missed."
    ),
    click.option("--delete", "action", flag_value="delete", help="Delete the schedule."),
    click.option("--all", "everything", is_flag=True, help="Those of all pipelines."),
    click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, in one line."),
    click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing."),
    click.option("--no-check", is_flag=True, help="Leave out the pre-flight."),
    click.option("--yes", "-y", is_flag=True, help="Ask nothing."),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("schedule")
@_options
@click.pass_obj
def schedule(obj: dict[str, Any], /, **options: Any) -> None:
    """Have Vertex AI run the pipeline by itself, or change its schedule.

    There is one schedule for each pipeline and environment. Settings that are no option stand
    under run_config.schedules in vertexai.yml.
    """
    action = options.pop("action")
    _check(action, options)
    if action == "list":
        _show(obj, options)
    elif action:
        _act(obj, action, options)
    else:
        _set(obj, options)


def _check(action: str | None, options: dict[str, Any]) -> None:
    """Refuse options that would say nothing."""
    if options["everything"] and not action:
        raise ConfigError(f"--all goes with {', '.join(f'--{name}' for name in _ACTIONS)} only")
    if options["everything"] and options["pipeline"]:
        raise ConfigError("--all and --pipeline exclude each other")
    if options["as_json"] and action != "list":
        raise ConfigError("--json goes with --list only")
    if not action:
        return
    known = {"pipeline", "everything", "as_json", "yes", "dry_run", "no_check"}
    for name, value in options.items():
        if name not in known and value not in (None, ()):
            raise ConfigError(f"--{name.replace('_', '-')} says nothing with --{action}")


def _set(obj: dict[str, Any], options: dict[str, Any]) -> None:
    from kedro_vertexai.compiler import compile_project
    from kedro_vertexai.project_pipeline import Filters
    from kedro_vertexai.schedule import carry_out, prepare
    from kedro_vertexai.schedule_timing import TimingOptions

    options["pipeline"] = options["pipeline"] or "__default__"
    whole: dict[str, Any] = {item.name: () for item in fields(Filters)}
    compiled = compile_project(request_of(obj, {**options, **whole}, new_defaults=False))
    warn(compiled.notes)
    timing = TimingOptions(**{item.name: options[item.name] for item in fields(TimingOptions)})
    prepared = prepare(compiled, timing)
    warn(prepared.notes)
    for line in prepared.lines:
        click.echo(line)
    if options["dry_run"] or not prepared.is_needed:
        return
    if prepared.existing is not None and not options["yes"]:
        click.confirm("Change the schedule?", abort=True)
    carry_out(prepared, check=not options["no_check"])


def _show(obj: dict[str, Any], options: dict[str, Any]) -> None:
    from kedro_vertexai.schedule_list import as_data, choose, table, warnings

    chosen = choose(obj["path"], obj["env"], options["pipeline"], every_env=True)
    if options["as_json"]:
        click.echo(json.dumps(as_data(chosen)))
    elif chosen.schedules:
        for line in table(chosen):
            click.echo(line)
    else:
        click.echo("no schedules", err=True)
    warn(warnings(chosen))


def _act(obj: dict[str, Any], action: str, options: dict[str, Any]) -> None:
    from kedro_vertexai.schedule_list import act, choose, subjects

    pipeline = None if options["everything"] else options["pipeline"] or "__default__"
    chosen = subjects(choose(obj["path"], obj["env"], pipeline), action)
    if not chosen.schedules:
        of = "any pipeline" if pipeline is None else f"pipeline '{pipeline}'"
        raise ConfigError(f"there is no schedule of {of} in environment '{obj['env']}'")
    if options["dry_run"] or action == "delete":
        for one in chosen.schedules:
            click.echo(f"to {action}: schedule '{one.display_name}' ({one.cron})")
    if options["dry_run"]:
        return
    if action == "delete" and not options["yes"]:
        click.confirm("Delete?", abort=True)
    for line in act(chosen, action):
        click.echo(line)
