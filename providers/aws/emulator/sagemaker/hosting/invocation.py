"""One request to a model, through the endpoint's router; and what is said when there is no good answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker.hosting import live, serverless
from providers.aws.emulator.sagemaker.hosting.connections import Answer
from providers.aws.emulator.sagemaker.hosting.servers import PREDICT_PATH
from providers.aws.emulator.sagemaker.hosting.target import Target
from providers.local.supervisor import client

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

DEPLOYMENT, VERSION = "x-mooring-deployment", "x-mooring-version"
"""Headers by which a router is asked for a variant, and says which one answered, in which configuration."""
FORWARDED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")
RETURN_SECONDS = 15.0
"""How long an endpoint may take to come back after its processes were killed or the machine was restarted."""
WAKE_SECONDS = 1.0
"""After how long a sleeping variant is woken again, should it have gone to sleep meanwhile."""
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
NO_RESPONSE = "Amazon SageMaker could not get a response from the container: it ended before it had answered."


class ModelError(Exception):
    """The model answered with an error, or not at all (`status` 0)."""

    def __init__(self, target: Target, status: int, said: str) -> None:
        self.status, self.said, self.log_arn = status, said, target.log_arn
        kind = "client" if 400 <= status < 500 else "server"
        logs = (
            f"https://{target.region}.console.aws.amazon.com/cloudwatch/home?region={target.region}"
            f"#logEventViewer:group={target.log_group}"
        )
        super().__init__(
            f'Received {kind} error ({status}) from primary with message "{said}". See {logs} in account {ACCOUNT} '
            "for more information."
        )


@dataclass(frozen=True)
class Invoked:
    """A good answer, and the variant that gave it."""

    variant: str
    answer: Answer


def invoke(
    service: SageMaker, target: Target, headers: Mapping[str, str], body: bytes, variant: str, seconds: float
) -> Invoked:
    """Ask the model, which has so many seconds, and count it. `variant` is empty where the weights decide.

    Raises ModelError, and ApiError where no server can be reached or too many requests are under way.
    """
    began = time.perf_counter()
    held = live.of(service)
    lines = [f"POST {PREDICT_PATH} HTTP/1.1", f"host: 127.0.0.1:{target.port}", f"content-length: {len(body)}"]
    lines += [f"{name}: {headers[name]}" for name in FORWARDED if name in headers]
    lines += [f"{DEPLOYMENT}: {variant}"] if variant else []
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    named, config, status = variant or next(iter(target.variants)), target.config, 0
    asked = took = 0.0
    try:
        with serverless.admitted(service, target):
            asked = time.perf_counter()
            try:
                answer = _ask(service, target, head, body, seconds)
            finally:
                took = time.perf_counter() - asked
        if DEPLOYMENT not in answer.headers:  # the router's own words
            raise _unanswered(target, answer)
        named, config = answer.headers[DEPLOYMENT], answer.headers.get(VERSION, config)
        status = answer.status
        if not 200 <= status < 300:
            raise ModelError(target, status, answer.body.decode("utf-8", "replace"))
        return Invoked(named, answer)
    except TimeoutError:
        raise ModelError(target, 0, TIMED_OUT) from None
    finally:
        if asked:  # else it was turned away before
            instances = target.variants[named].instances if named in target.variants else 1
            overhead = time.perf_counter() - began - took
            held.counted.add((target.region, target.name, named), config, status, instances, took, overhead)


def _ask(service: SageMaker, target: Target, head: bytes, body: bytes, seconds: float) -> Answer:
    """The router's reply, waited for where router or servers are on their way back."""
    connections = live.of(service).connections
    deadline, ensured = time.monotonic() + seconds, False
    gives_up = time.monotonic() + min(seconds, RETURN_SECONDS)
    woken = tried = 0.0
    while True:
        try:
            answer = connections.ask(target.port, head, body, deadline - time.monotonic())
        except TimeoutError:
            raise
        except OSError as error:
            if time.monotonic() > gives_up:
                raise _unavailable() from error
            if not ensured:
                client.ensure(service.home)
                ensured = True
            time.sleep(0.05)
            continue
        if answer.status != 503 or DEPLOYMENT in answer.headers or target.serverless is None:
            if woken:
                serverless.woke(service, target, time.monotonic() - woken)
            return answer
        now = time.monotonic()
        woken = woken or now
        if now - tried > WAKE_SECONDS:
            serverless.wake(service, target)
            tried = now
        if now > deadline:
            raise TimeoutError
        time.sleep(0.02)


def _unanswered(target: Target, answer: Answer) -> Exception:
    if answer.status == 504:
        return ModelError(target, 0, TIMED_OUT)
    if answer.status == 502:
        return ModelError(target, 0, NO_RESPONSE)
    return _unavailable()


def _unavailable() -> ApiError:
    return ApiError(
        "ServiceUnavailable",
        "A transient exception occurred while retrieving variant instances. Please try again later.",
        503,
    )
