"""What a stack holds, read from its exported state (`pulumi stack export`'s form)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.errors import InvalidInput, NotFound, did_you_mean

MOOR = "moor:index:"


@dataclass(frozen=True)
class Item:
    """One resource. `kind` is the type's last part (`Endpoint`); `id` the cloud's own id, without its prefix."""

    urn: str
    type: str
    id: str
    cloud: str
    protect: bool = False
    custom: bool = True
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    created: str = ""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """`Endpoint` of `moor:index:Endpoint`; empty for what is not ours."""
        return self.type.removeprefix(MOOR) if self.type.startswith(MOOR) else ""

    def get(self, name: str, default: Any = None) -> Any:
        """An output, else an input, else `default`."""
        if name in self.outputs:
            return self.outputs[name]
        return self.inputs.get(name, default)


def items(exported: Mapping[str, Any]) -> list[Item]:
    """All live resources of an exported deployment, in its order; those that wait for deletion are left out."""
    resources = (exported.get("deployment") or {}).get("resources") or []
    return [_item(resource) for resource in resources if not resource.get("delete")]


def _item(resource: Mapping[str, Any]) -> Item:
    cloud, _, native = str(resource.get("id", "")).partition(":")
    ours = str(resource.get("type", "")).startswith(MOOR)
    needs = [resource.get("parent", ""), resource.get("deletedWith", ""), *(resource.get("dependencies") or ())]
    needs += [urn for urns in (resource.get("propertyDependencies") or {}).values() for urn in urns or ()]
    needs.append(str(resource.get("provider", "")).rpartition("::")[0])
    return Item(
        urn=str(resource.get("urn", "")),
        type=str(resource.get("type", "")),
        id=native if ours else str(resource.get("id", "")),
        cloud=cloud if ours else "",
        protect=bool(resource.get("protect")),
        custom=bool(resource.get("custom", True)),
        inputs=resource.get("inputs") or {},
        outputs=resource.get("outputs") or {},
        needs=tuple(urn for urn in dict.fromkeys(needs) if urn),
        created=str(resource.get("created", "")),
    )


def of_kind(found: Iterable[Item], kind: str) -> list[Item]:
    """Those of one kind, by name."""
    return sorted((item for item in found if item.kind == kind), key=lambda item: item.name)


def pick(found: list[Item], name: str | None, what: str, option: str) -> Item:
    """The item called `name`, or the only one; raises the error that lists the choices."""
    names = [item.name for item in found]
    if name:
        for item in found:
            if item.name == name:
                return item
        raise NotFound(f"there is no {what} '{name}'{did_you_mean(name, names)}")
    if not found:
        raise NotFound(f"the stack has no {what}")
    if len(found) > 1:
        raise InvalidInput(f"the stack has several {what}s, say which with {option}: {', '.join(names)}")
    return found[0]


def urns_named(found: list[Item], wanted: Iterable[str], option: str) -> tuple[str, ...]:
    """URNs as they are; `iris` and `TrainingRun/iris` by looking them up.

    Raises `InvalidInput` for what is unknown, and for a name that several resources have.
    """
    urns: list[str] = []
    for word in wanted:
        if word.startswith("urn:pulumi:"):
            urns.append(word)
            continue
        matches = [item for item in found if item.custom and word in (item.name, f"{_last(item.type)}/{item.name}")]
        if not matches:
            names = sorted({f"{_last(item.type)}/{item.name}" for item in found if item.custom})
            raise InvalidInput(f"{option} {word}: the stack has no such resource{did_you_mean(word, names)}")
        if len(matches) > 1:
            listed = ", ".join(f"{_last(item.type)}/{item.name}" for item in matches)
            raise InvalidInput(f"{option} {word}: several resources have this name; say one of {listed}")
        urns.append(matches[0].urn)
    return tuple(urns)


def _last(type: str) -> str:
    return type.rpartition(":")[2]


def kept_by_protection(found: list[Item]) -> tuple[list[Item], list[Item]]:
    """Splits into what stays and what goes: protected resources stay, and with them all that they need."""
    by_urn = {item.urn: item for item in found}
    stay: dict[str, Item] = {}
    waiting = [item for item in found if item.protect]
    while waiting:
        item = waiting.pop()
        if item.urn not in stay:
            stay[item.urn] = item
            waiting += [by_urn[urn] for urn in item.needs if urn in by_urn]
    return [item for item in found if item.urn in stay], [item for item in found if item.urn not in stay]
