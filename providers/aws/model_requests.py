"""Making a model of SageMaker's: again for a moment where its role is too new to be known everywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from providers.aws import session
from providers.aws.faults import translated
from providers.aws.tagging import Pairs
from providers.contract import Context
from providers.errors import AlreadyExists, InvalidInput

UNTIL_KNOWN, EMULATED = 30.0, 1.0
"""Seconds after which a role that AWS does not know is taken not to be there, on AWS and on the emulator."""
_UNKNOWN = ("Could not access model data", "Could not assume role")


def create_model(sagemaker: Any, request: Mapping[str, Any], tags: Pairs, context: Context) -> bool:
    """Make it; False where one of its name is there already. Raises what AWS says of it."""
    ends = time.monotonic() + (EMULATED if session.endpoint_url() else UNTIL_KNOWN)
    while True:
        try:
            with translated(f"creating model {request['ModelName']}"):
                sagemaker.create_model(**request, Tags=tags)
            return True
        except AlreadyExists:
            return False
        except InvalidInput as error:
            if time.monotonic() > ends or not any(words in str(error) for words in _UNKNOWN):
                raise
        context.cancel.wait(0.2)
        context.check_cancelled()
