"""The Pulumi program: one stack's data, models and endpoints, on the cloud that its settings name.

Run by `pulumi up` and by `mooring up`, unchanged. Both start it in this folder, so it puts the project's root
on `sys.path` itself.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import pulumi  # noqa: E402

from infra.components import (  # noqa: E402
    Hosting,
    HostingArgs,
    Monitoring,
    MonitoringArgs,
    Scoring,
    ScoringArgs,
    Storage,
    StorageArgs,
    Training,
    TrainingArgs,
)
from infra.foundation import provision  # noqa: E402
from infra.placement import Placement  # noqa: E402
from infra.settings import Settings, from_config  # noqa: E402
from providers import paths, registry  # noqa: E402
from providers.errors import MooringError  # noqa: E402


def read_settings() -> Settings:
    """The stack's settings, on a cloud that there is an adapter for; else one clear error, no traceback."""
    root = paths.project_root()
    try:
        settings = from_config(root, root / "stacks" / f"Pulumi.{pulumi.get_stack()}.yaml")
        registry.adapter(settings.cloud)
    except MooringError as problem:
        raise pulumi.RunError(str(problem)) from problem
    return settings


settings = read_settings()
foundation = provision(settings)
placement = Placement(settings, foundation)
after = placement.after

storage = Storage("storage", StorageArgs(placement, settings.datasets), after)
models = {
    name: Training(name, TrainingArgs(placement, model, storage.datasets), after)
    for name, model in settings.models.items()
}
endpoints = {
    name: Hosting(name, HostingArgs(placement, endpoint, models), after)
    for name, endpoint in settings.endpoints.items()
}
batches = {
    name: Scoring(name, ScoringArgs(placement, batch, models, storage.datasets), after)
    for name, batch in settings.batches.items()
}
monitoring = Monitoring("monitoring", MonitoringArgs(placement, endpoints))

pulumi.export("datasets", {name: {"version": data.version, "uri": data.uri} for name, data in storage.datasets.items()})
pulumi.export(
    "models",
    {
        name: {"version": model.version.version, "digest": model.version.digest, "metrics": model.version.metrics}
        for name, model in models.items()
    },
)
pulumi.export(
    "endpoints",
    {
        name: {
            "url": hosting.endpoint.url,
            "predictUrl": hosting.endpoint.predict_url,
            "metricsUrl": monitoring.metrics[name],
            "deployments": hosting.endpoint.deployments,
        }
        for name, hosting in endpoints.items()
    },
)
pulumi.export(
    "batches",
    {name: {"output": scoring.batch.output, "rows": scoring.batch.rows} for name, scoring in batches.items()},
)
if foundation is not None:
    pulumi.export("foundation", dict(foundation.outputs))
