"""The Pulumi CLI as an engine (`infra.engine.api.Engine`), driven through Pulumi's Automation API."""

import os

# Read once, when grpc is loaded: its fork handlers would complain on stderr about the process we start.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from mooring.pulumi_cli.engine import PulumiCli

__all__ = ["PulumiCli"]
