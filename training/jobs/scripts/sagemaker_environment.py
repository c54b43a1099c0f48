"""Arguments and variables of a script in a SageMaker job, as the `sagemaker-training` toolkit 5.1 gives them.

Compared with the toolkit itself in tests/e2e/test_same_script_toolkit.py. What differs, on purpose:

- `PYTHONPATH` holds the code and what this Python searches, without the folders that this package came from;
- a region is taken from the hyperparameter or `AWS_DEFAULT_REGION`, not from files of the AWS SDK;
- one machine runs one process: MPI, SMDataParallel, Neuron and heterogeneous clusters are not started.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.jobs import sagemaker
from training.jobs.resources import gpu_count

GROUP = "homogeneousCluster"
"""Name of the one group of machines where there is no other."""
DISTRIBUTED = (
    "mpi_enabled",
    "parameter_server_enabled",
    "distributed_dataparallel_enabled",
    "pytorch_ddp_enabled",
    "pytorch_xla_multi_worker_enabled",
    "multi_worker_mirrored_strategy_enabled",
    "torch_distributed_enabled",
)
"""Hyperparameters (with `sagemaker_` before) that make the current group one of a distribution."""
KNOWN = ("program", "submit_directory", "enable_cloudwatch_metrics", "region", "container_log_level", "job_name",
         "s3_output")  # fmt: skip
"""Hyperparameters (with `sagemaker_` before) that are the toolkit's own; the others are framework parameters."""
VARIABLES = ("hosts", "network_interface_name", "user_entry_point", "resource_config", "input_data_config",
             "output_data_dir", "current_host", "current_instance_type", "current_instance_group",
             "current_instance_group_hosts", "instance_groups", "instance_groups_dict", "is_hetero",
             "distribution_instance_groups", "module_name", "log_level", "framework_module", "input_dir", "model_dir",
             "input_config_dir", "output_dir", "num_cpus", "num_gpus", "num_neurons", "module_dir",
             "output_intermediate_dir")  # fmt: skip
"""Facts that become a variable of the name `SM_<NAME>` as they are."""


@dataclass(frozen=True)
class Toolkit:
    """One job as the toolkit sees it. `environ` is the container's environment, `base` the folder that holds all, and
    `seen` that folder as the script sees it."""

    base: Path
    seen: Path
    environ: Mapping[str, str]
    given: Mapping[str, Any]
    """All hyperparameters, decoded."""
    channels: Mapping[str, Any]
    resources: Mapping[str, Any]

    @classmethod
    def read(cls, environ: Mapping[str, str], seen: Path | None = None) -> Toolkit:
        """From the configuration files. Raises TrainingError for one that is not JSON."""
        base = sagemaker.base_dir(environ)
        config = base / "input" / "config"
        given = sagemaker.read_config(config / "hyperparameters.json")
        return cls(
            base,
            seen or base,
            environ,
            {name: sagemaker.decoded_value(value) for name, value in given.items()},
            sagemaker.read_config(config / "inputdataconfig.json"),
            sagemaker.read_config(config / "resourceconfig.json"),
        )

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Those of the script."""
        return {name: value for name, value in self.given.items() if not sagemaker.is_reserved(name)}

    @property
    def entry_point(self) -> str:
        """The script's name below the code folder; empty where nobody named one."""
        return str(self.environ.get("SAGEMAKER_PROGRAM") or self.given.get("sagemaker_program") or "")

    @property
    def submitted(self) -> str:
        """Where the code comes from: a folder, an archive, a file, or its address in S3."""
        return str(self.given.get("sagemaker_submit_directory", self.code_dir))

    @property
    def code_dir(self) -> Path:
        """The folder that the script runs in."""
        return self.base / "code"

    def arguments(self) -> list[str]:
        """Sorted `--name value` (`-n value` for a single letter); a mapping becomes `k=v,k=v`, all else Python text."""
        words: list[str] = []
        for name, value in sorted(self.hyperparameters.items()):
            dashes = "--" if len(name) > 1 else "-" if name else ""
            words += [dashes + name, _argument(value)]
        return words

    def variables(self) -> dict[str, str]:
        """The variables that the script finds besides those of the container."""
        facts = self._facts()
        values: dict[str, Any] = {key: facts[key] for key in VARIABLES} | {
            "hps": self.hyperparameters,
            "framework_params": facts["additional_framework_parameters"],
            "channels": sorted(self.channels),
            "training_env": facts,
            "user_args": self.arguments(),
        }
        values |= {"topology": facts["topology"]} if facts["topology"] else {}
        values |= {f"channel_{name}": path for name, path in facts["channel_input_dirs"].items()}
        values |= {f"hp_{name}": value for name, value in self.hyperparameters.items()}
        region = self.given.get("sagemaker_region") or self.environ.get("AWS_DEFAULT_REGION", "")
        return {
            "SAGEMAKER_JOB_NAME": str(self.given.get("sagemaker_job_name", "")),
            "SAGEMAKER_REGION": str(region),
            "CURRENT_HOST": str(facts["current_host"]),
            **{f"SM_{name.upper()}": _variable(value) for name, value in values.items()},
        }

    def _facts(self) -> dict[str, Any]:
        """What the toolkit's `Environment` knows, by its property names."""
        framework = {
            name: value
            for name, value in self.given.items()
            if name.startswith("sagemaker_") and name.removeprefix("sagemaker_") not in KNOWN
        }
        program = str(self.environ.get("SAGEMAKER_PROGRAM") or self.given.get("sagemaker_program"))
        parallel = self.environ.get("SM_HP_MP_PARAMETERS")
        return {
            **self._machines(framework),
            "additional_framework_parameters": framework,
            "channel_input_dirs": {name: str(self.seen / "input" / "data" / name) for name in self.channels},
            "framework_module": self.environ.get("SAGEMAKER_TRAINING_MODULE"),
            "hyperparameters": self.hyperparameters,
            "input_config_dir": str(self.seen / "input" / "config"),
            "input_data_config": self.channels,
            "input_dir": str(self.seen / "input"),
            "is_modelparallel_enabled": parallel and parallel != "{}",
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": self.environ.get("TRAINING_JOB_NAME"),
            "log_level": self.given.get("sagemaker_container_log_level", logging.INFO),
            "model_dir": str(self.seen / "model"),
            "module_dir": self.submitted,
            "module_name": program.removesuffix(".py"),
            "num_cpus": os.cpu_count() or 1,
            "num_gpus": gpu_count(),
            "num_neurons": 0,
            "output_data_dir": str(self.seen / "output" / "data"),
            "output_dir": str(self.seen / "output"),
            "output_intermediate_dir": str(self.seen / "output" / "intermediate"),
            "user_entry_point": self.entry_point or None,
        }

    def _machines(self, framework: Mapping[str, Any]) -> dict[str, Any]:
        """What resourceconfig.json says of this machine and the others."""
        config = self.resources
        try:
            hosts, host = config["hosts"], config["current_host"]
        except KeyError as error:
            raise TrainingError(f"resourceconfig.json has no {error}; it names the machines of the job") from error
        current = config.get("current_group_name", GROUP)
        groups = {group["instance_group_name"]: group for group in config.get("instance_groups", [])}
        spread = any(framework.get(f"sagemaker_{name}", False) for name in DISTRIBUTED)
        chosen = framework.get("sagemaker_distribution_instance_groups", [current] if spread else [])
        members = [name for group in groups if group in chosen for name in groups[group]["hosts"]]
        distribution = members if groups else list(hosts)
        master = (distribution or hosts)[0]
        return {
            "current_host": host,
            "current_instance_group": current,
            "current_instance_group_hosts": groups[current]["hosts"] if current in groups else [],
            "current_instance_type": config.get("current_instance_type", "local"),
            "distribution_hosts": distribution,
            "distribution_instance_groups": chosen,
            "hosts": hosts,
            "instance_groups": list(groups),
            "instance_groups_dict": groups,
            "is_hetero": len(groups) > 1,
            "is_master": host == master,
            "master_hostname": master,
            "network_interface_name": config.get("network_interface_name", "eth0"),
            "resource_config": config,
            "topology": config.get("topology", []),
        }


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={part}" for name, part in sorted(value.items()))
    return "" if value is None else str(value)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
