"""What to do with each resource that the program registers (Pulumi's `step_generator.go`).

One resource at a time (`Deployment.planning`): a decision rests on all those before it. The provider checks
the inputs and says what the difference means; `infra.engine.planning.steps` has the rules.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from infra.engine.deployment import Deployment
from infra.engine.planning import lookup, replacements, steps
from infra.engine.planning.goal import Goal, ReadGoal
from infra.engine.planning.ignored import with_ignored
from infra.engine.planning.steps import Step
from infra.engine.planning.targets import implicit
from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_host import visible
from infra.engine.providers.provider_types import Checked, DiffUnavailable, Target
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values import diffs, property_diff
from infra.engine.values.values import Properties, contains_unknowns
from providers.errors import MooringError


class InvalidResource(MooringError):
    """The provider's check or a policy refuses the inputs; `problems` were told already."""


@dataclass
class Registration:
    """A registered resource on its way: the goal, what state has of it, the record to be filled in."""

    goal: Goal
    old: Resource | None
    new: Resource
    seed: bytes
    forced: bool = False
    """Whether an update is due although nothing differs: an earlier one was interrupted."""
    imported: bool = False


class Planner:
    """Decides. Raises `MooringError` (told as an error of that resource) and `RpcFailure`."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.marks = deployment.marks

    def begin(self, goal: Goal) -> Registration:
        """Find what state has of a registration."""
        deployment = self.deployment
        with deployment.planning:
            urn = lookup.urn_of(deployment, goal.parent, goal.type, goal.name)
            old, alias = lookup.find_old(deployment, urn, goal.type, goal.name, goal.parent, goal.aliases)
            new = lookup.wanted(goal, urn, old, alias)
            deployment.goals[urn] = goal
            if urns.is_provider_type(goal.type):
                deployment.providers[urn] = new
                if alias:
                    deployment.providers[alias] = new
                    deployment.host.alias(urn, alias)
            return Registration(goal, old, new, os.urandom(32))

    def read(self, goal: ReadGoal) -> list[Step]:
        """The step for a resource that is only looked at."""
        deployment = self.deployment
        with deployment.planning:
            urn = lookup.urn_of(deployment, goal.parent, goal.type, goal.name)
            old, _ = lookup.find_old(deployment, urn, goal.type, goal.name, goal.parent, ())
            new = lookup.looked_at(goal, urn)
            if old is not None and not old.external and old.id != goal.id:
                self.marks.replaces.add(urn)
                return [
                    Step("read-replacement", urn, old, new, pending_delete=True),
                    Step("replace", urn, old, new),
                ]
            self.marks.reads.add(urn)
            return [Step("read", urn, old, new)]

    def decide(self, registration: Registration) -> list[Step]:
        """The steps for a registration, checked inputs already in its record."""
        with self.deployment.planning:
            return self._decide(registration)

    def _decide(self, r: Registration) -> list[Step]:
        deployment, marks, urn, old = self.deployment, self.marks, r.new.urn, r.old
        included = implicit(urn) or deployment.included(r.new)
        if not included:
            return self._left_out(r)
        if deployment.targets and not implicit(urn):
            self._refuse_skipped_needs(r.new)
            deployment.targets.add(urn)
        if not deployment.dry_run and contains_unknowns(r.goal.properties):
            raise InvalidResource("an input is unknown, which it may be in a preview only")
        recreating = urn in marks.deletes
        fresh = recreating or old is None or old.external or self._asked_to_replace(old)
        self._check(r, fresh=fresh)
        if recreating and old is not None:
            marks.deletes.discard(urn)
            marks.replaces.add(urn)
            return steps.recreate(old, r.new, marks.replace_keys.get(urn, ()))
        if old is not None and old.external:
            marks.creates.add(urn)
            return steps.replace_after_create(old, r.new, diffs.NONE)
        if old is None:
            marks.creates.add(urn)
            return steps.create(r.new)
        return self._changed(r, old)

    def _left_out(self, r: Registration) -> list[Step]:
        """`--target` leaves it out: as it was, or not at all."""
        self.marks.sames.add(r.new.urn)
        if r.old is None:
            self.marks.skipped.add(r.new.urn)
            return [Step("same", r.new.urn, None, r.new, skipped=True)]
        kept = r.old.copy(urn=r.new.urn, parent=r.new.parent)
        if r.new.urn in self.marks.deletes:
            # It went with a target that is replaced, and comes back as it was.
            self.marks.deletes.discard(r.new.urn)
            return steps.recreate(
                r.old, kept.copy(pending_replacement=False), self.marks.replace_keys.get(r.new.urn, ())
            )
        if r.old.urn != r.new.urn:
            self.marks.sames.add(r.old.urn)
        self._keep_needs(r.old)
        return [Step("same", r.new.urn, r.old, kept, untargeted=True)]

    def _keep_needs(self, left_out: Resource) -> None:
        """What a resource that is left out rests on stays with it, even if the program has it no more."""
        olds, marks = self.deployment.olds, self.marks
        waiting = [left_out]
        while waiting:
            for urn in graph.needs(waiting.pop()):
                old = olds.get(urn)
                if old is not None and not old.delete and urn not in marks.deletes and not marks.operated_on(urn):
                    marks.sames.add(urn)
                    waiting.append(old)

    def _refuse_skipped_needs(self, new: Resource) -> None:
        missing = sorted({urn for _, urn in new.referenced() if urn in self.marks.skipped})
        if missing:
            raise InvalidResource(
                f"Resource '{new.urn}' depends on '{missing[0]}', which was not specified in --target list and does "
                "not exist yet: add it with --target"
            )

    def _asked_to_replace(self, old: Resource) -> bool:
        return bool(self.deployment.replace) and old.urn in self.deployment.replace

    def _check(self, r: Registration, *, fresh: bool) -> None:
        """Let the provider, then the policies, look at the inputs; the record gets what they make of them."""
        goal, new = r.goal, r.new
        inputs: Properties = goal.properties
        if r.old is not None and not r.old.external:
            inputs, impossible = with_ignored(inputs, r.old.inputs or {}, goal.ignore_changes)
            if impossible:
                self.deployment.events.log(
                    "info", f"cannot ignore changes in added or removed elements of {', '.join(impossible)}", new.urn
                )
        olds = {} if fresh or r.old is None else r.old.inputs or {}
        new.inputs = self._checked(r, olds, goal.properties if fresh else inputs)
        for analyzer in self.deployment.analyzers:
            new.inputs = analyzer.remediate(self.deployment, new, goal)
        refused = [a for a in self.deployment.analyzers if not a.analyze(self.deployment, new, goal)]
        if refused:
            raise InvalidResource(f"refused by the policy pack '{refused[0].name}'")

    def _checked(self, r: Registration, olds: Properties, news: Properties) -> Properties:
        urn, type = r.new.urn, r.goal.type
        if not r.goal.custom:
            return news
        if urns.is_provider_type(type):
            checked = self.deployment.host.check(urn, olds, news)
        else:
            checked = self._provider(r.new).check(Target(urn), olds, news, r.seed)
        self._refuse(urn, checked)
        return checked.inputs

    def _refuse(self, urn: str, checked: Checked) -> None:
        if not checked.failures:
            return
        problems = [f"{prop}: {reason}" if prop else reason for prop, reason in checked.failures]
        raise InvalidResource("; ".join(problems))

    def _provider(self, resource: Resource) -> Provider:
        return replacements.provider_of(self.deployment, resource)

    def _changed(self, r: Registration, old: Resource) -> list[Step]:
        """What a resource that exists needs."""
        urn, new, goal = r.new.urn, r.new, r.goal
        diff = self._diff(r, old)
        rules = diffs.ReplaceRules(goal.replace_on_changes, bool(old.init_errors))
        diff = diffs.with_replacements(diff, rules)
        if diff.changes == "some" or old.pending_replacement:
            if diff.replaces or old.pending_replacement:
                return self._replaced(r, old, diff)
            self.marks.updates.add(urn)
            return steps.update(old, new, diff, goal.ignore_changes)
        if old.init_errors or r.forced:
            self.marks.updates.add(urn)
            return steps.update(old, new, diff, goal.ignore_changes)
        self.marks.sames.add(urn)
        return steps.same(old, new, quiet=r.imported)

    def _diff(self, r: Registration, old: Resource) -> diffs.Diff:
        new, marks = r.new, self.marks
        if self._asked_to_replace(old):
            return diffs.Diff("some", replace_keys=("id",))
        if any(urn in marks.replaces for urn in new.replace_with):
            return diffs.Diff("some", replace_keys=("replaceWith",))
        if new.deleted_with and new.deleted_with in marks.replaces:
            return diffs.Diff("some", replace_keys=("deletedWith",))
        if self._provider_changed(old, new):
            return diffs.Diff("some", replace_keys=("provider",))
        before, after = old.inputs or {}, new.inputs or {}
        if not new.custom:
            return diffs.NONE if property_diff.equal(before, after) else diffs.SOME
        if urns.is_provider_type(new.type):
            return self.deployment.host.diff(old, after, new.urn)
        try:
            target = Target(new.urn, old.id)
            diff = self._provider(new).diff(target, before, old.outputs or {}, after, r.goal.ignore_changes)
        except DiffUnavailable as unavailable:
            self.deployment.events.log("warning", str(unavailable), new.urn)
            return diffs.SOME
        return diffs.of_inputs(before, after) if diff.changes == "unknown" else diff

    def _provider_changed(self, old: Resource, new: Resource) -> bool:
        """Whether another provider has taken over, one that cannot manage what the former one made."""
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        deployment = self.deployment
        old_urn, new_urn = (urns.parse_provider_ref(p)[0] for p in (old.provider, new.provider))
        if self.marks.new_by_old_name.get(old_urn) == new_urn:
            return False
        before, after = deployment.olds.get(old_urn), deployment.providers.get(new_urn)
        if before is None or after is None:
            return True
        diff = self._provider(new).diff_config(
            new_urn, visible(before.inputs or {}), before.outputs or {}, visible(after.inputs or {})
        )
        return diff.replaces

    def _replaced(self, r: Registration, old: Resource, diff: diffs.Diff) -> list[Step]:
        deployment, new, goal, urn = self.deployment, r.new, r.goal, r.new.urn
        if new.protect and old.protect:
            message = (
                f'unable to replace resource "{urn}" as it is currently marked for protection: remove the `protect` '
                "option from the resource in your program and deploy that first"
            )
            if not deployment.dry_run:
                raise InvalidResource(message)
            deployment.events.error(message, urn)
        if goal.id and not deployment.dry_run:
            raise InvalidResource(
                "previously-imported resources that still specify an ID may not be replaced; please remove the "
                f"`import_` option from your program (changed: {', '.join(diff.replace_keys) or 'see the diff'})"
            )
        self.marks.replaces.add(urn)
        if not self._asked_to_replace(old):
            # Defaults that were carried over from the old resource are not the new one's.
            new.inputs = self._checked(r, {}, goal.properties)
        first = diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        if not first:
            return steps.replace_after_create(old, new, diff)
        before = self._delete_dependents(old, urn)
        if not old.pending_replacement:
            self.marks.deletes.add(old.urn)
        return [*before, *steps.replace_after_delete(old, new, diff)]

    def _delete_dependents(self, old: Resource, urn: str) -> list[Step]:
        planned: list[Step] = []
        for dependent, keys in reversed(replacements.of(self.deployment, old)):
            if id(dependent) in self.marks.condemned:
                continue
            if dependent.protect:
                raise InvalidResource(
                    f'unable to replace resource "{dependent.urn}" as part of replacing "{urn}" as it is currently '
                    "marked for protection: remove its `protect` option and deploy that first"
                )
            self.marks.replace_keys[dependent.urn] = keys
            self.marks.deletes.add(dependent.urn)
            self.marks.condemned.add(id(dependent))
            planned.append(steps.delete_for_replacement(dependent))
        return planned
