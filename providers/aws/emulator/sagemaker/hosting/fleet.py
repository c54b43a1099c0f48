"""The servers of an endpoint configuration, as slots for the supervisor."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker import models
from providers.aws.emulator.sagemaker.hosting import containers, model_folder, servers
from providers.aws.emulator.sagemaker.hosting.deployment import STARTUP_SECONDS
from providers.aws.emulator.state import Thing
from providers.errors import MooringError

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

INVOCATION_SECONDS = 60.0
"""Time that a model has for an answer: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html"""
ASYNC_SECONDS = 3600.0
GRACE = 10.0
"""Seconds after which the router gives up where the emulator, which does so first, does not."""

Slot = dict[str, Any]
Desired = Mapping[str, Mapping[str, Any]]
"""By variant: `weight` and `count`."""


class CannotDeploy(Exception):
    """Why a fleet cannot be made: AWS's `FailureReason`."""


def initial(config: Thing) -> dict[str, dict[str, Any]]:
    """What a configuration asks for in the beginning. A serverless variant has one server, which may sleep."""
    return {
        variant["VariantName"]: {
            "weight": float(variant.get("InitialVariantWeight", 1.0)),
            "count": int(variant.get("InitialInstanceCount") or 1),
        }
        for variant in config["ProductionVariants"]
    }


def build(service: SageMaker, region: str, config: Thing, desired: Desired) -> list[Slot]:
    """A slot a variant. Downloads models and builds environments where they are not there yet. Raises CannotDeploy."""
    s3 = service.clients.get("s3", region)
    slots = []
    for variant in config["ProductionVariants"]:
        model = service.state.find(models.KIND, region, variant["ModelName"])
        if model is None:
            raise CannotDeploy(f'Could not find model "{variant["ModelName"]}".')
        try:
            container = containers.of_model(service, region, model)
            root = model_folder.make(service.home, s3, container)
            command = servers.command(
                service, region, container, root, variant["VariantName"], config["EndpointConfigName"]
            )
        except ApiError as error:
            raise CannotDeploy(error.message) from error
        except (model_folder.Unloadable, MooringError, OSError) as error:
            raise CannotDeploy(str(error)) from error
        slots.append(_slot(config, variant, command, str(root), container.image.uri))
    return sized(slots, desired)


def _slot(config: Thing, variant: Mapping[str, Any], command: servers.Command, root: str, image: str) -> Slot:
    """A fleet is new with every configuration, even where its servers would be the same, as on AWS."""
    name, argv, environment = str(variant["VariantName"]), list(command.argv), dict(command.environment)
    content = [config["EndpointConfigArn"], config["CreationTime"], name, argv, environment]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    seconds = ASYNC_SECONDS if config.get("AsyncInferenceConfig") else INVOCATION_SECONDS
    return {
        "slot": f"{name.lower()}-{digest[:8]}",
        "name": name,
        "model": variant["ModelName"],
        "digest": digest,
        "version": config["EndpointConfigName"],
        "weight": 0.0,
        "replicas": 1,
        "argv": argv,
        "env": environment,
        "ready_path": servers.HEALTH_PATH,
        "smoke": [],
        "timeout": seconds + GRACE,
        "root": root,
        "image": image,
        "resolved": time.time(),
    }


def sized(slots: Sequence[Slot], desired: Desired) -> list[Slot]:
    """The same slots with these weights, which are made to sum to one, and counts."""
    total = sum(float(one["weight"]) for one in desired.values()) or 1.0
    return [
        {**slot, "weight": desired[slot["name"]]["weight"] / total, "replicas": int(desired[slot["name"]]["count"])}
        for slot in slots
    ]


def startup_seconds(config: Thing) -> float:
    """Time in which all its servers have to be ready."""
    return max(
        float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or STARTUP_SECONDS)
        for variant in config["ProductionVariants"]
    )
