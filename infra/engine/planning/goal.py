"""What the program asks for: one registered resource, as Pulumi's `resource.Goal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra.engine.state import urn as urns
from infra.engine.values.values import Properties


@dataclass(frozen=True)
class Alias:
    """A name that the resource had before: a whole URN, or only what is different from now.

    `parent` is the former parent's URN; `no_parent` says that it had none. Empty means "as now".
    """

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False

    def resolve(self, now: urns.Parts, parent: str, parent_alias: str) -> str:
        """The URN that is meant, for a resource now called `now` under `parent` (formerly `parent_alias`)."""
        if self.urn:
            return self.urn
        above = parent_alias if self.parent and self.parent == parent and parent_alias else self.parent or parent
        if self.no_parent:
            above = ""
        return urns.make(
            self.stack or now.stack, self.project or now.project, above, self.type or now.type, self.name or now.name
        )


@dataclass
class Goal:
    """A resource as it should be. `None` stands for an option that was not given.

    `id` is set to import an existing resource. Timeouts are in seconds, by verb.
    """

    type: str
    name: str
    custom: bool
    properties: Properties
    parent: str = ""
    protect: bool | None = None
    provider: str = ""
    dependencies: Sequence[str] = ()
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: Sequence[str] = ()
    additional_secret_outputs: Sequence[str] = ()
    aliases: Sequence[Alias] = ()
    id: str = ""
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    replace_on_changes: Sequence[str] = ()
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    replace_with: Sequence[str] = ()
    hide_diff: Sequence[str] = ()
    source_position: str = ""


@dataclass(frozen=True)
class ReadGoal:
    """An existing resource that the program only wants to look at (`.get`, `StackReference`)."""

    type: str
    name: str
    id: str
    properties: Properties
    parent: str = ""
    provider: str = ""
    dependencies: Sequence[str] = ()
    additional_secret_outputs: Sequence[str] = ()
    source_position: str = ""


def child_alias(type: str, name: str, parent_name: str, parent_alias: str) -> str:
    """The former URN of a child whose parent was called `parent_alias`.

    By convention a child's name begins with its parent's; that part changes along with the parent's.
    """
    parent = urns.parse(parent_alias)
    if name.startswith(parent_name):
        name = parent.name + name[len(parent_name) :]
    return urns.make(parent.stack, parent.project, parent_alias, type, name)
