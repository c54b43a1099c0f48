"""What goes on beside endpoints: metrics, captured data, logs, scaling, sleep. Begun with the first endpoint."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from providers.aws.emulator.sagemaker.hosting import capture, logs, metrics, queue, scaling, serverless
from providers.local.supervisor import client

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

_STEPS: dict[str, tuple[tuple[Callable[[SageMaker], None], ...], float]] = {
    "metrics": ((metrics.publish,), 1.0),
    "records": ((logs.collect_all, capture.write), 0.7),
    "capacity": ((scaling.step, serverless.step), 1.0),
    "queue": ((queue.step,), 0.5),
}
"""What is done again and again, in a thread for each of these, and after how many of our seconds."""


def begin(service: SageMaker, bring_back: bool = False) -> None:
    """Have the threads run. `bring_back` is for a restart: the supervisor is started as well, which takes up what
    should run, and lost replies are made again."""
    if bring_back:
        service.work.begin("endpoints:supervisor", lambda: _bring_back(service))
        service.work.begin("endpoints:lost", lambda: queue.resume(service))
    for name, (steps, seconds) in _STEPS.items():
        service.work.begin(f"endpoints:{name}", _loop(service, steps, seconds))


def _bring_back(service: SageMaker) -> None:
    client.ensure(service.home)


def _loop(service: SageMaker, steps: tuple[Callable[[SageMaker], None], ...], seconds: float) -> Callable[[], None]:
    def run() -> None:
        while not service.work.halt.wait(seconds):
            for step in steps:
                try:
                    step(service)
                except Exception:  # noqa: BLE001 - one broken step must not be silent, nor end the others
                    if not service.work.halt.is_set():
                        traceback.print_exc(file=sys.stderr)

    return run
