"""Which image, limits and retries a task gets: its node's name beats its tags beat the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from kedro_vertexai.config import ResourcesConfig, RetryConfig, RunConfig
from kedro_vertexai.errors import PlanError, did_you_mean
from kedro_vertexai.plan.model import Resources, Retry
from kedro_vertexai.plan.names import clean_task_name
from kedro_vertexai.plan.quantity import quantity
from kedro_vertexai.project import Node, Project

DEFAULT = "__default__"
E = TypeVar("E")
T = TypeVar("T")


@dataclass(frozen=True)
class Lookup:
    """What a task is found by in `vertexai.yml`: its own name, its nodes and their tags."""

    title: str
    nodes: tuple[Node, ...]

    def values(
        self, section: str, entries: Mapping[str, E], value_of: Callable[[E], T | None]
    ) -> list[T]:
        """What the entries say for this task: one value, or one for each node of a group.

        The task's own name beats all. For a node, its name beats its tags. Names are written
        as in Kedro or, as files written for the peer have them, cleaned.

        Raises:
            PlanError: two tags of one node disagree.
        """
        told = {key: value_of(entry) for key, entry in entries.items()}
        said = {key: value for key, value in told.items() if value is not None}
        if (own := _named(self.title, said)) is not None:
            return [own]
        found = (_for_node(section, node, said) for node in self.nodes)
        return [value for value in found if value is not None]


def resources_for(lookup: Lookup, config: RunConfig) -> Resources:
    """The limits of a task, each key by itself; a group gets the most its nodes ask for.

    Raises:
        PlanError: two tags disagree, or an accelerator has a count and no type.
    """
    default = config.resources.get(DEFAULT, ResourcesConfig())
    specific = {name: entry for name, entry in config.resources.items() if name != DEFAULT}
    cpu = lookup.values("resources.*.cpu", specific, lambda entry: entry.cpu)
    memory = lookup.values("resources.*.memory", specific, lambda entry: entry.memory)
    gpu = lookup.values("resources.*.gpu", specific, lambda entry: entry.gpu)
    count = max(gpu, default=default.gpu)
    named, accelerator = _accelerator(lookup, config)
    if count is None and named:
        # KFP's rule, and so the peer's: kfp.dsl.PipelineTask.set_accelerator_type.
        count = 1
    if count and not accelerator:
        raise PlanError(
            f"run_config.resources asks for {count} gpu for '{lookup.title}' without saying "
            "which: name the accelerator type under run_config.node_selectors"
        )
    return Resources(
        cpu=max(cpu, key=quantity, default=default.cpu),
        memory=max(memory, key=quantity, default=default.memory),
        accelerator=accelerator if count else None,
        accelerator_count=count or None,
    )


def retry_for(lookup: Lookup, config: RunConfig) -> Retry:
    """How a task is retried, by the rule of `resources_for`."""
    specific = {name: entry for name, entry in config.retries.items() if name != DEFAULT}
    found = lookup.values("retries", specific, lambda entry: entry)
    default = config.retries.get(DEFAULT, RetryConfig(count=0))
    chosen = max(found, key=lambda entry: entry.count, default=default)
    return Retry(chosen.count, chosen.backoff, chosen.factor, chosen.max_backoff)


def caching_for(lookup: Lookup, config: RunConfig) -> bool:
    """Whether a task's result may be an earlier run's: a group's, if each of its nodes' may."""
    default = config.caching.get(DEFAULT, False)
    specific = {name: entry for name, entry in config.caching.items() if name != DEFAULT}
    own = Lookup(lookup.title, ()).values("caching", specific, bool)
    return all(own or [_node_caching(node, specific, default=default) for node in lookup.nodes])


def image_for(lookup: Lookup, config: RunConfig) -> str:
    """The image of a task that has one of its own; empty where it is the plan's.

    Raises:
        PlanError: two tags disagree, or the nodes of a group ask for different images.
    """
    if own := Lookup(lookup.title, ()).values("images", config.images, str):
        return own[0]
    by_node = {
        node.name: next(
            iter(Lookup(node.name, (node,)).values("images", config.images, str)), config.image
        )
        for node in lookup.nodes
    }
    if len(set(by_node.values())) > 1:
        words = ", ".join(f"'{node}' in {image}" for node, image in by_node.items())
        raise PlanError(
            f"run_config.images runs the nodes of group '{lookup.title}' in different images "
            f"({words}): give them one image, or the group itself"
        )
    image = next(iter(by_node.values()), config.image)
    return image if image != config.image else ""


def _node_caching(node: Node, specific: Mapping[str, bool], *, default: bool) -> bool:
    return next(iter(Lookup(node.name, (node,)).values("caching", specific, bool)), default)


def unmatched_names(project: Project, config: RunConfig) -> list[str]:
    """A sentence for each name that fits nothing in this pipeline and looks like a slip.

    A file may speak of other pipelines' nodes, so only names near to one of these are told.
    """
    known = {node.name for node in project.nodes} | {DEFAULT}
    known |= {tag for node in project.nodes for tag in node.tags}
    cleaned = {clean_task_name(name) for name in known}
    sections: dict[str, Mapping[str, object]] = {
        "resources": config.resources,
        "node_selectors": config.node_selectors,
        "retries": config.retries,
        "caching": config.caching,
        "images": config.images,
    }
    return [
        f"run_config.{section}.{name} fits no node and no tag of this pipeline{hint}"
        for section, entries in sections.items()
        for name in entries
        if name not in known
        and name not in cleaned
        and (hint := did_you_mean(name, known, likeness=0.8))
    ]


def _accelerator(lookup: Lookup, config: RunConfig) -> tuple[bool, str | None]:
    """Whether a type is named for this very task, and the type."""
    # The peer reads the value as the accelerator's type whatever the key says.
    selectors = {name: [*entry.values()] for name, entry in config.node_selectors.items()}
    said = {name: types[0] for name, types in selectors.items() if types}
    default = said.pop(DEFAULT, None)
    types = lookup.values("node_selectors", said, str)
    if len(set(types)) > 1:
        raise PlanError(
            f"run_config.node_selectors names {' and '.join(sorted(set(types)))} for group "
            f"'{lookup.title}', which runs on one machine"
        )
    return bool(types), types[0] if types else default


def _named(name: str, said: Mapping[str, T]) -> T | None:
    exact = said.get(name)
    return said.get(clean_task_name(name)) if exact is None else exact


def _for_node(section: str, node: Node, said: Mapping[str, T]) -> T | None:
    named = _named(node.name, said)
    if named is not None:
        return named
    tagged = {tag: said[tag] for tag in sorted(node.tags) if tag in said}
    values = list(tagged.values())
    if any(value != values[0] for value in values):
        words = ", ".join(f"tag '{tag}' says {value}" for tag, value in tagged.items())
        raise PlanError(f"run_config.{section} for node '{node.name}': {words}; make them agree")
    return values[0] if values else None
