"""From what the program registers to the resource in state that it means: URN, aliases, record to fill in."""

from __future__ import annotations

from collections.abc import Sequence

from infra.engine.deployment import Deployment
from infra.engine.planning.goal import Alias, Goal, ReadGoal, child_alias
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from providers.errors import MooringError


class RegistrationError(MooringError):
    """A registration that contradicts another, or names something that is not there."""


def urn_of(deployment: Deployment, parent: str, type: str, name: str) -> str:
    """The URN of a new registration. Raises `RegistrationError` when the program has it already."""
    if parent and parent not in deployment.marks.seen:
        raise RegistrationError(f"the parent {parent} of {type} '{name}' is not a resource of this program")
    urn = urns.make(deployment.ref.stack, deployment.ref.project, parent, type, name)
    if urn in deployment.marks.seen:
        raise RegistrationError(
            f"Duplicate resource URN '{urn}'; try giving it a unique name (two resources of one type and parent "
            "have the same name)"
        )
    claimed = deployment.marks.new_by_old_name.get(urn)
    if claimed is not None:
        raise RegistrationError(f"'{urn}' was already claimed by '{claimed}' through an alias")
    deployment.marks.seen.add(urn)
    return urn


def find_old(deployment: Deployment, urn: str, type: str, name: str, parent: str, aliases: Sequence[Alias]) -> tuple[
    Resource | None, str
]:  # fmt: skip
    """The resource in state that has this URN or, failing that, one of the aliases; with the alias used."""
    old = deployment.olds.get(urn)
    if old is not None:
        return old, ""
    marks = deployment.marks
    for alias in _aliases(deployment, urn, type, name, parent, aliases):
        old = deployment.olds.get(alias)
        if old is None or alias == urn:
            continue
        taken = alias if alias in marks.seen else marks.new_by_old_name.get(alias)
        if taken:
            raise RegistrationError(f"'{urn}' claims '{alias}' as its former name, which '{taken}' already has")
        marks.new_by_old_name[alias] = urn
        marks.old_by_new_name[urn] = alias
        deployment.journal.rename(alias, urn)
        return old, alias
    return None, ""


def _aliases(deployment: Deployment, urn: str, type: str, name: str, parent: str, given: Sequence[Alias]) -> list[str]:
    now = urns.parse(urn)
    parent_alias = deployment.marks.old_by_new_name.get(parent, "")
    above = "" if parent and urns.type_of(parent) == urns.ROOT_STACK_TYPE else parent
    direct = [alias.resolve(now, above, parent_alias) for alias in given]
    found = list(direct)
    if parent_alias:
        parent_name = urns.name(parent)
        found.append(child_alias(type, name, parent_name, parent_alias))
        found += [child_alias(urns.type_of(a), urns.name(a), parent_name, parent_alias) for a in direct]
    return list(dict.fromkeys(found))


def wanted(goal: Goal, urn: str, old: Resource | None, alias: str) -> Resource:
    """The record of a resource as the program wants it; inputs are still unchecked."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.properties,
        parent=goal.parent,
        protect=bool(goal.protect),
        dependencies=sorted(goal.dependencies),
        provider=goal.provider,
        property_dependencies={k: sorted(v) for k, v in sorted(goal.property_dependencies.items())},
        additional_secret_outputs=list(goal.additional_secret_outputs),
        custom_timeouts={k: v for k, v in goal.custom_timeouts.items() if v},
        import_id=goal.id,
        retain_on_delete=bool(goal.retain_on_delete),
        deleted_with=goal.deleted_with,
        replace_with=list(goal.replace_with),
        created=old.created if old else "",
        modified=old.modified if old else "",
        source_position=goal.source_position,
        ignore_changes=list(goal.ignore_changes),
        hide_diff=list(goal.hide_diff),
        replace_on_changes=list(goal.replace_on_changes),
        refresh_before_update=old.refresh_before_update if old else False,
    )


def looked_at(goal: ReadGoal, urn: str) -> Resource:
    """The record of a resource that is only read."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=True,
        id=goal.id,
        inputs=goal.properties,
        parent=goal.parent,
        external=True,
        dependencies=sorted(goal.dependencies),
        provider=goal.provider,
        additional_secret_outputs=list(goal.additional_secret_outputs),
        source_position=goal.source_position,
    )
