"""What came of a change of an endpoint, in its description and in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.aws.emulator.sagemaker.hosting import summaries
from providers.aws.emulator.sagemaker.hosting.records import PENDING, SERVING
from providers.aws.emulator.state import Thing

_VARIANT = re.compile(r"deployment '([^']+)'")
_NO_PING = re.compile(r"model server|was not ready|is not ready any more")


def note(body: Thing, result: str, reason: str, port: int) -> None:
    """Write into an endpoint how its pending change ended: `done`, `rolled-back`, `failed`, or `stuck` on the way back.

    `port` is the router's.
    """
    pending = body.pop(PENDING)
    body.pop("PendingDeploymentSummary", None)
    body.pop("FailureReason", None)
    if result == "done" and port:
        _serve(body, pending, port)
        return
    body["FailureReason"] = in_awss_words(reason)
    if not body.get(SERVING) or pending["kind"] == "delete":
        body["EndpointStatus"] = "Failed"
        return
    body["EndpointStatus"] = "UpdateRollbackFailed" if result == "stuck" else "InService"
    if pending["kind"] == "capacity":  # what was asked for is not to be
        body["ProductionVariants"] = pending["before"]


def in_awss_words(reason: str) -> str:
    """A server that did not start, or that ended: what AWS says of one that does not answer its pings."""
    if not _NO_PING.search(reason):
        return reason
    found = _VARIANT.search(reason)
    variant = found[1] if found else "unknown"
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )


def _serve(body: Thing, pending: Mapping[str, Any], port: int) -> None:
    """What is so now: the endpoint serves what was pending."""
    config, slots, desired = pending["config"], pending["slots"], pending["desired"]
    body["EndpointStatus"] = "InService"
    body[SERVING] = {"config": config, "slots": slots, "port": port}
    body["ProductionVariants"] = summaries.variants(config, slots, desired)
    if pending["kind"] == "capacity":
        return
    body["EndpointConfigName"] = config["EndpointConfigName"]
    for member, value in (
        ("DataCaptureConfig", summaries.capture(config)),
        ("AsyncInferenceConfig", config.get("AsyncInferenceConfig")),
    ):
        if value:
            body[member] = value
        else:
            body.pop(member, None)
