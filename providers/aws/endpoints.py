"""The kind `Endpoint` on AWS: an endpoint of SageMaker, whose deployments are its production variants.

Ids are `<region>/<AWS's name>`. What serves is read off AWS: each model's variables say which version it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.aws import archives, images, packages, user_tags
from providers.aws.contents import Contents, uri_of
from providers.aws.endpoint import alarms, leftovers, scaling
from providers.aws.endpoint.endpoint_checks import problems
from providers.aws.endpoint.endpoint_logs import follow_logs, read_logs
from providers.aws.endpoint.endpoint_requests import predict, predict_later
from providers.aws.endpoint.endpoint_state import live_spec, state_of
from providers.aws.endpoint.place import Place, existing, free_name, place_in, place_of, places
from providers.aws.endpoint.plan import Served, plan
from providers.aws.endpoint.rollout import Rollout, remove_endpoint
from providers.aws.models import group_of
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import AlreadyExists, InvalidInput, MooringError, NotFound, PartialFailure, Problem
from providers.local import records
from providers.local.home import owned_by, owner_record
from providers.values import Deployment, EndpointSpec, EndpointState, Scoped, Value


class EndpointKind:
    """Fulfils `providers.contract.Kind`, `HasLogs` and `Predicts`. `home` is where archives are packed."""

    spec: ClassVar[type[Scoped]] = EndpointSpec
    state: ClassVar[type[Value]] = EndpointState

    def __init__(self, home: Path) -> None:
        self.home = home

    def check(self, spec: EndpointSpec, context: Context) -> tuple[EndpointSpec, Sequence[Problem]]:
        """What is wrong with it, or impossible on AWS."""
        return spec, problems(spec)

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """The generic comparison; an endpoint of SageMaker stays in its mode for life."""
        if "mode" not in changes.update:
            return changes
        update = tuple(path for path in changes.update if path != "mode")
        return Changes(update, (*changes.replace, "mode"), changes.delete_before_replace or "physicalName" in new)

    def find(self, owner: Ownership) -> list[Found]:
        """All that carry the URN (or the stack), newest first; one that could not start is not usable."""
        found = []
        for place in places(owner):
            record = place.record()
            if record is None or not owned_by(record, owner):
                continue
            live = place.described()
            usable = live is not None and live["EndpointStatus"] not in ("Failed", "Deleting")
            item = Found(place.id, Ownership(**record["owner"]), record["claimed"], usable)
            found.append((str(record["created"]), item))
        return [item for _, item in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def create(self, spec: EndpointSpec, context: Context) -> str:
        """Ask AWS to make it; `wait` sees it through."""
        left = [found for found in self.find(context.owner) if not found.claimed]
        for found in left:
            if found.usable and found.owner == context.owner:
                return found.id
        for found in left:
            self.delete(found.id, context)
        name = free_name(spec, context.owner)
        place = Place(spec.region, spec.container, context.owner.project, context.owner.stack, name)
        if place.described() is not None:
            raise AlreadyExists(f"there is an endpoint '{name}' in {spec.region} already; choose another physicalName")
        place.save(
            {"owner": owner_record(context.owner), "claimed": False, "created": records.now(), "spec": spec.to_wire()}
        )
        boundary("endpoint:reserved")
        try:
            self._rollout(place, spec, context).begin()
        except MooringError:
            place.forget()
            raise
        return place.id

    def wait(self, id: str, spec: EndpointSpec, context: Context) -> EndpointState:
        """Bring it to what `spec` asks. Raises RolledBack, with the reason, when the first servers are no good."""
        return self._apply(place_in(id, context.owner, spec.container), spec, context)

    def claim(self, id: str) -> None:
        """Some state holds it from now on."""
        place = existing(id)
        record = place.record()
        if record is None:
            raise NotFound(f"there is no record of endpoint '{id}' (any more)")
        place.save(record | {"claimed": True})
        boundary("endpoint:claimed")

    def read(self, id: str) -> tuple[EndpointSpec | None, EndpointState] | None:
        """As it was asked for, with weights and counts as they are; and as it is now."""
        place = place_of(id)
        live = place.described() if place else None
        if place is None or live is None or live["EndpointStatus"] == "Deleting":
            return None
        record = place.record()
        spec = EndpointSpec.model_validate(record["spec"]) if record else None
        return (live_spec(spec, live) if spec else None), state_of(place, live)

    def update(self, id: str, old: Mapping[str, Any], new: EndpointSpec, context: Context) -> EndpointState:
        """Roll `new` out. Raises RolledBack when AWS turned it back, or it could not start at all."""
        place = place_in(id, context.owner, new.container)
        if place.record() is None and place.described() is None:
            raise NotFound(f"endpoint '{id}' does not exist any more; a refresh notes that")
        return self._apply(place, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Finish what is under way, end the servers, remove all that was made for it; silent when it is gone."""
        place = place_of(id) or place_in(id, context.owner)
        if place.described() is None and (not place.container or place.record() is None):
            return
        scaling.remove(place.region, place.name)
        context.progress("letting requests under way finish", None)
        remove_endpoint(place, context)
        alarms.delete_all(place.region, place.name)
        leftovers.remove(place, keep=None)
        boundary("endpoint:deleted")
        place.forget()

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of all its servers, each with its source in front. Raises NotFound."""
        place, now = existing(id), int(time.time() * 1000)
        yield from read_logs(place.region, place.name, tail)
        if follow:
            yield from follow_logs(place.region, place.name, now, lambda: place.described() is not None)

    def predict(self, id: str, rows: Sequence[Mapping[str, Any]], *, timeout: float = 30.0) -> dict[str, Any]:
        """Ask the endpoint. Raises NotFound, InvalidInput with the server's words for bad rows, Unavailable."""
        place = existing(id)
        live = place.described() or {}
        if live.get("AsyncInferenceConfig"):
            return predict_later(place, rows, timeout)
        return predict(place.region, place.name, rows, timeout)

    # Rollouts

    def _apply(self, place: Place, spec: EndpointSpec, context: Context) -> EndpointState:
        self._rollout(place, spec, context).complete()
        record = place.record() or {"claimed": False, "created": records.now()}
        live = place.described()
        if live is None:
            raise PartialFailure(f"endpoint '{place.name}' was deleted meanwhile", id=place.id)
        user_tags.drop(place.sagemaker, live["EndpointArn"], user_tags.of_record(record), spec.tags)
        place.save(record | {"spec": spec.to_wire(), "owner": owner_record(context.owner)})
        return state_of(place, live)

    def _rollout(self, place: Place, spec: EndpointSpec, context: Context) -> Rollout:
        served = [self._served(one, spec, context) for one in spec.deployments]
        context.check_cancelled(place.id)
        image = images.own(spec.container, spec.identity.principal, spec.region)
        live = place.described() if spec.autoscaling else None
        counts = {one["VariantName"]: int(one["DesiredInstanceCount"])
                  for one in (live or {}).get("ProductionVariants", ()) if "DesiredInstanceCount" in one}  # fmt: skip
        return Rollout(place, spec, plan(place.name, spec, served, image, f"{place.base}async/", counts), context)

    def _served(self, one: Deployment, spec: EndpointSpec, context: Context) -> Served:
        """The version that a deployment names. Raises InvalidInput where there is none."""
        group = group_of(one.model, spec.region, spec.container, context.owner)
        known = packages.listed(group)
        found = next((package for package in known if package.digest == one.digest), None)
        uri = uri_of(group.artifacts, one.digest)
        if found is None or Contents(spec.region, self.home).find(uri) is None:
            have = ", ".join(f"{package.number} ({package.digest[7:19]})" for package in known) or "none"
            raise InvalidInput(
                f"deployment '{one.name}': model '{one.model}' has no version {one.digest[7:19]}; it has: {have}"
            )
        if spec.mode == "serverless":
            return Served(one, found.number, archives.ensure(group, one.digest, self.home, context), is_archive=True)
        return Served(one, found.number, uri)
