"""How an endpoint comes to what its spec asks: made, changed over, resized, and what it no longer uses removed.

AWS carries a change out by itself, whoever watches. So a change that an earlier deployment began is first seen to its
end, and then whatever is still to do is done.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws import session
from providers.aws.endpoint import alarms, leftovers, scaling
from providers.aws.endpoint.endpoint_logs import last_words
from providers.aws.endpoint.place import Place
from providers.aws.endpoint.plan import Plan, Request, deployment_config, laid_over, same_shape, watched_seconds
from providers.aws.faults import translated
from providers.aws.model_requests import create_model
from providers.aws.tagging import Pairs
from providers.boundaries import boundary
from providers.contract import Context
from providers.errors import AlreadyExists, Cancelled, MooringError, PartialFailure, RolledBack
from providers.values import EndpointSpec

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_POLL_AWS, _POLL_EMULATED = 1.0, 0.1


@dataclass(frozen=True)
class Rollout:
    """One spec of one endpoint, and the plan that comes of it."""

    place: Place
    spec: EndpointSpec
    plan: Plan
    context: Context

    @property
    def _tags(self) -> Pairs:
        return self.place.tags(self.context.owner, self.spec)

    def begin(self) -> None:
        """Ask AWS to make the endpoint, unless it is there. Raises what AWS says of it; nothing is left then."""
        if self.place.described() is not None:
            return
        try:
            self._make_parts()
            request: Request = {"EndpointName": self.place.name, "EndpointConfigName": self.plan.name}
            request = laid_over(request, self.spec.overrides.get("CreateEndpoint") or {})
            with translated(f"creating endpoint {self.place.name}"):
                self.place.sagemaker.create_endpoint(**request, Tags=self._tags)
        except AlreadyExists:
            raise
        except MooringError:
            leftovers.remove(self.place, keep=None)
            raise
        boundary("endpoint:created")

    def complete(self) -> None:
        """Bring it to what is asked for, and see it through. Raises RolledBack, PartialFailure, Cancelled."""
        found = self._settled()
        if found is not None and found["EndpointStatus"] == "Failed" and not found.get("ProductionVariants"):
            if found["EndpointConfigName"] == self.plan.name:
                self._raise_failed(found)
            self._remove_endpoint()  # of an earlier attempt with other inputs, and it never served
            found = None
        if found is None:
            self.begin()
            self._follow("create")
        elif found["EndpointConfigName"] != self.plan.name and not same_shape(
            found["EndpointConfigName"], self.plan.name
        ):
            self._change_over()
        elif changes := self._resizing(found):
            self._resize(changes)
        scaling.apply(self.place.region, self.place.name, self.spec)
        boundary("endpoint:changed-over")
        self._tidy()

    # Ways to change

    def _change_over(self) -> None:
        self._make_parts()
        name, region = self.place.name, self.place.region
        request: Request = {"EndpointName": name, "EndpointConfigName": self.plan.name}
        if self.spec.mode != "serverless":
            names: list[str] = []
            if self.spec.mode == "real-time" and watched_seconds(self.spec.rollout):
                wanted = alarms.wanted(name, self.plan, self.spec.rollout)
                names = alarms.put(region, wanted, self._tags)
            request["DeploymentConfig"] = deployment_config(self.spec.rollout, names)
        request = laid_over(request, self.spec.overrides.get("UpdateEndpoint") or {})
        scaling.remove(region, name, but={one["VariantName"] for one in self.plan.variants})
        with translated(f"updating endpoint {name}"):
            self.place.sagemaker.update_endpoint(**request)
        boundary("endpoint:rollout-begun")
        self._follow("update")

    def _resizing(self, found: Mapping[str, Any]) -> list[Request]:
        """`DesiredWeightsAndCapacities` of the variants that differ from what is asked for in no more than these."""
        held = {one["VariantName"]: one for one in found.get("ProductionVariants", ())}
        changes = []
        for variant in self.plan.variants:
            now = held.get(variant["VariantName"], {})
            change: Request = {}
            if abs(float(now.get("DesiredWeight", -1)) - variant["InitialVariantWeight"]) > 1e-6:
                change["DesiredWeight"] = variant["InitialVariantWeight"]
            wanted = variant.get("InitialInstanceCount")
            if wanted is not None and self.spec.autoscaling is None and now.get("DesiredInstanceCount") != wanted:
                change["DesiredInstanceCount"] = wanted
            if change:
                changes.append({"VariantName": variant["VariantName"], **change})
        return changes

    def _resize(self, changes: list[Request]) -> None:
        if self.spec.autoscaling is None:
            scaling.remove(self.place.region, self.place.name)  # else it would change the counts back
        with translated(f"changing the weights of endpoint {self.place.name}"):
            self.place.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=self.place.name, DesiredWeightsAndCapacities=changes
            )
        boundary("endpoint:resizing")
        found = self._follow("resize")
        if self._resizing(found):
            raise RolledBack(
                f"endpoint '{self.place.name}' was not resized: {found.get('FailureReason', 'AWS gives no reason')}"
            )

    # Parts

    def _make_parts(self) -> None:
        """Make models and configuration; those of the same name have the same content."""
        sagemaker = self.place.sagemaker
        for request in self.plan.models:
            self.context.check_cancelled()
            create_model(sagemaker, request, self._tags, self.context)
        boundary("endpoint:models-made")
        try:
            with translated(f"creating endpoint configuration {self.plan.name}"):
                sagemaker.create_endpoint_config(**self.plan.config, Tags=self._tags)
        except AlreadyExists:
            return
        boundary("endpoint:config-made")

    def _tidy(self) -> None:
        """Remove what the endpoint does not use any more, and note whose it is now."""
        found = self.place.described()
        if found is None:
            return
        alarms.delete_all(self.place.region, self.place.name)
        with translated(f"tagging endpoint {self.place.name}"):
            self.place.sagemaker.add_tags(ResourceArn=found["EndpointArn"], Tags=self._tags)
        leftovers.remove(self.place, keep=str(found["EndpointConfigName"]))

    def _remove_endpoint(self) -> None:
        remove_endpoint(self.place, self.context)

    # Following

    def _settled(self) -> dict[str, Any] | None:
        """The endpoint once nothing is under way; None where it is not there."""
        found = self.place.described()
        if found is None or found["EndpointStatus"] not in IN_PROGRESS:
            return found
        return wait_until_settled(self.place, self.context)

    def _follow(self, what: str) -> dict[str, Any]:
        """See a change to its end; raise what became of it."""
        found = wait_until_settled(self.place, self.context)
        if found is None:
            raise PartialFailure(f"endpoint '{self.place.name}' was deleted meanwhile", id=self.place.id)
        status, reason = found["EndpointStatus"], self._reason(found)
        if what == "create" and status == "Failed":
            self._raise_failed(found)
        if status != "InService":
            raise PartialFailure(f"endpoint '{self.place.name}' is in status {status}: {reason}", id=self.place.id)
        if what != "resize" and found["EndpointConfigName"] != self.plan.name:
            alarms.delete_all(self.place.region, self.place.name)
            leftovers.remove(self.place, keep=str(found["EndpointConfigName"]))
            raise RolledBack(f"endpoint '{self.place.name}' was rolled back: {reason}")
        return found

    def _raise_failed(self, found: Mapping[str, Any]) -> None:
        raise RolledBack(
            f"endpoint '{self.place.name}' could not start, and nothing of it is left running: {self._reason(found)}"
        )

    def _reason(self, found: Mapping[str, Any]) -> str:
        reason = str(found.get("FailureReason") or "AWS gives no reason")
        if "CloudWatch logs" in reason and (words := last_words(self.place)):
            return f"{reason} Its last words:\n  " + "\n  ".join(words)
        return reason


def wait_until_settled(place: Place, context: Context) -> dict[str, Any] | None:
    """The endpoint once nothing is under way; None once it is gone. Raises Cancelled and PartialFailure (out of time);
    AWS goes on in either case."""
    every = _POLL_EMULATED if session.endpoint_url() else _POLL_AWS
    told = ""
    while True:
        found = place.described()
        if found is None or found["EndpointStatus"] not in IN_PROGRESS:
            return found
        if (message := _progress(found)) != told:
            context.progress(message, None)
            told = message
        if context.deadline is not None and time.monotonic() > context.deadline:
            reason = (
                f"endpoint '{place.name}' is still in status {found['EndpointStatus']} at the end of the time given"
            )
            raise PartialFailure(f"{reason}; the next run goes on", id=place.id)
        if context.cancel.wait(every):
            raise Cancelled(f"AWS goes on with endpoint '{place.name}', and the next run takes it up", id=place.id)


def _progress(found: Mapping[str, Any]) -> str:
    variants = (found.get("PendingDeploymentSummary") or {}).get("ProductionVariants", ())
    stages = {one["Status"] for variant in variants for one in variant.get("VariantStatus", ())}
    return f"{found['EndpointStatus']}" + (f" ({', '.join(sorted(stages))})" if stages else "")


def remove_endpoint(place: Place, context: Context) -> None:
    """Remove the endpoint itself once nothing is under way; silent when it is gone."""
    found = wait_until_settled(place, context)
    if found is None:
        return
    with translated(f"deleting endpoint {place.name}"):
        place.sagemaker.delete_endpoint(EndpointName=place.name)
    boundary("endpoint:deleting")
    wait_until_settled(place, context)
