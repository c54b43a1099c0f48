"""The Pulumi CLI as an engine (`infra.engine.api.Engine`), driven through Pulumi's Automation API.

The engine is imported when it is asked for: `environment` and `shadow` alone need nothing of Pulumi.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.pulumi_cli.engine import PulumiCli

__all__ = ["PulumiCli"]


def __getattr__(name: str) -> Any:
    if name == "PulumiCli":
        # Read once, when grpc is loaded: its fork handlers would complain on stderr about the process we start.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        from mooring.pulumi_cli.engine import PulumiCli

        return PulumiCli
    raise AttributeError(f"module 'mooring.pulumi_cli' has no attribute '{name}'")
