"""What `CreateTrainingJob` is asked for: out of a neutral spec, in SageMaker's words.

The kit's trainer runs in the stack's own image by an entry point of ours; a user's script runs in AWS's scikit-learn
image by script mode (`sagemaker_program`, `sagemaker_submit_directory`, hyperparameters as JSON texts), which the SDK
uses as well. The model is left uncompressed, so that an artifact stands in S3 as files.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from providers.aws import images, instances
from providers.aws.code_upload import CHANNEL, START
from providers.aws.objects import stack_uri
from providers.contract import Ownership
from providers.local.checks import as_text
from providers.local.tuning import whole
from providers.values import TrainingSpec
from training.jobs.sagemaker import metric_regex

VOLUME_GIB = 30
SPOT_WAIT = 2
"""A spot job may wait for capacity as long as it may run: it ends after this many times its limit at the latest."""
BASE = "/opt/ml"
CHECKPOINTS = f"{BASE}/checkpoints"
_AVERAGED = [
    f"{name}_{average}" for average in ("macro", "micro", "weighted") for name in ("precision", "recall", "f1")
]
TRAINER_METRICS = (
    "accuracy", *_AVERAGED, "roc_auc", "roc_auc_weighted", "log_loss", "brier", "ece",
    "mae", "median_ae", "rmse", "r2", "mape",
    "precision_at_k", "recall_at_k", "ndcg_at_k", "map_at_k", "hit_rate_at_k",
)  # fmt: skip
"""What the kit's trainer measures and CloudWatch shows; AWS takes 40 definitions. The artifact holds all of it."""
MOST_METRICS = 40
ENVIRONMENT = {"PYTHONHASHSEED": "0"}
"""What Mooring adds to the user's variables: the same inputs, the same model."""

Request = dict[str, Any]


def image_of(spec: TrainingSpec) -> str:
    """The address of the image that the job runs in. Raises InvalidInput."""
    name = spec.code.image or (images.OWN if spec.code.source is None else images.SCIKIT_LEARN)
    return images.named(name, spec.container, spec.identity.principal, spec.region)


def training_request(spec: TrainingSpec, owner: Ownership, code: str) -> Request:
    """The request without name and tags. `code` is the kit's prefix, or the address of the script's archive."""
    own_trainer = spec.code.source is None
    request: Request = {
        "RoleArn": spec.identity.principal,
        "AlgorithmSpecification": {
            "TrainingImage": image_of(spec),
            "TrainingInputMode": "File",
            **({"ContainerEntrypoint": list(START)} if own_trainer else {}),
            "MetricDefinitions": metric_definitions(spec),
        },
        "HyperParameters": hyperparameters(spec, code),
        "InputDataConfig": _channels(spec, code),
        "OutputDataConfig": {"S3OutputPath": runs_uri(spec, owner).rstrip("/"), "CompressionType": "NONE"},
        "CheckpointConfig": {"S3Uri": checkpoints_uri(spec, owner).rstrip("/"), "LocalPath": CHECKPOINTS},
        "ResourceConfig": {
            "InstanceType": instances.choose(spec.machine, "training"),
            "InstanceCount": spec.instances,
            "VolumeSizeInGB": VOLUME_GIB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": spec.time_limit},
        "Environment": {**ENVIRONMENT, **spec.environment},
    }
    if spec.spot:
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = SPOT_WAIT * spec.time_limit
    if spec.network.subnets:
        request["VpcConfig"] = {"Subnets": spec.network.subnets, "SecurityGroupIds": spec.network.security_groups}
    return request


def runs_uri(spec: TrainingSpec, owner: Ownership) -> str:
    """Where the stack's runs are: each below its job's name."""
    return stack_uri(spec.container, owner, "runs")


def checkpoints_uri(spec: TrainingSpec, owner: Ownership) -> str:
    """Where a run's checkpoints are: a repeated job of the same inputs goes on from them."""
    key = hashlib.sha256(f"{owner.urn}\0{owner.inputs}".encode()).hexdigest()[:24]
    return stack_uri(spec.container, owner, "checkpoints", spec.model, key)


def metric_definitions(spec: TrainingSpec) -> list[dict[str, str]]:
    """The user's, else the trainer's own, as many as AWS takes."""
    given = dict(spec.code.metrics or {})
    if spec.code.source is None:
        given = {name: metric_regex(name) for name in TRAINER_METRICS}
    return [{"Name": name, "Regex": regex} for name, regex in given.items()][:MOST_METRICS]


def hyperparameters(spec: TrainingSpec, code: str) -> dict[str, str]:
    """Texts. A script's are JSON, as the SDK writes them, and the toolkit makes arguments of them."""
    given = {name: value for name, value in spec.hyperparameters.items() if value is not None}
    if spec.code.source is None:
        return {name: as_text(value) for name, value in given.items()}
    own = {"sagemaker_program": str(spec.code.entry_point), "sagemaker_submit_directory": code}
    # A text, a list or a mapping becomes one argument: what is nested is JSON in a text, on every cloud.
    plain = {name: whole(value) if isinstance(value, bool | int | float) else as_text(value)
             for name, value in given.items()}  # fmt: skip
    shown = {name: as_text(value) if isinstance(value, bool) else value for name, value in plain.items()}
    return {name: json.dumps(value) for name, value in {**shown, **own}.items()}


def _channels(spec: TrainingSpec, code: str) -> list[dict[str, Any]]:
    found = {name: channel.uri for name, channel in spec.channels.items()}
    if spec.code.source is None:
        if len(found) == 1:  # the trainer takes a single channel whatever its name, and the kit's makes two
            found = dict(zip(["train"], found.values(), strict=True))
        found[CHANNEL] = code
    return [_channel(name, uri) for name, uri in found.items()]


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def overlaid(request: Mapping[str, Any], overrides: Mapping[str, Any]) -> Request:
    """The request with the user's vendor settings laid over it, mapping by mapping."""
    result = dict(request)
    for key, value in overrides.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = overlaid(below, value) if both else value  # type: ignore[arg-type]
    return result
