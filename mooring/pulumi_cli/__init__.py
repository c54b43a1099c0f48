"""The Pulumi CLI as an engine (`infra.engine.api.Engine`), driven through Pulumi's Automation API."""

from mooring.pulumi_cli.engine import PulumiCli

__all__ = ["PulumiCli"]
