"""SageMaker's runtime: invocations of endpoints."""

from __future__ import annotations

import re

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, Request, as_error
from providers.aws.emulator.sagemaker.service import SageMaker

_PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<how>invocations|async-invocations|invocations-response-stream)$")


def concerns(request: Request) -> bool:
    """Whether a request is one of the runtime's."""
    return _PATH.match(request.path) is not None


def answer(service: SageMaker, request: Request) -> Reply:
    """The reply to an invocation."""
    return as_error(ApiError("NotImplementedException", f"{request.path} is not emulated", 501))
