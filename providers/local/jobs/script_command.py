"""The command of a user's script in a job of the local cloud, under whichever contract it was written for."""

from __future__ import annotations

from pathlib import Path

from providers.errors import Problem
from providers.local.jobs.job_layout import Layout
from providers.values import CodeSpec

OWN = "local"
NO_MODEL = "the script ended well but wrote no model into {}"
MODEL_PLACES = {
    OWN: "MOORING_MODEL_DIR",
    "sagemaker": "SM_MODEL_DIR (/opt/ml/model)",
    "azureml": "its --model_dir or ./outputs",
    "vertex": "AIP_MODEL_DIR",
}
"""Where each contract expects the model."""
REFUSED_NAMES = {"azureml": ("model_dir",)}
"""Hyperparameters that are arguments of a contract's own."""


def contract_of(code: CodeSpec) -> str:
    """The contract that the script was written for."""
    return code.contract or OWN


def is_shimmed(code: CodeSpec) -> bool:
    """Whether `training.jobs.run_script` stands between the job and the script."""
    return code.source is not None and (contract_of(code) != OWN or bool(code.metrics))


def script_command(code: CodeSpec, layout: Layout, python: str, kit: str) -> tuple[tuple[str, ...], str]:
    """The words that run the script, without its hyperparameters, and its PYTHONPATH."""
    entry = code.entry_point or ""
    if not is_shimmed(code):
        return ("/bin/sh" if entry.endswith(".sh") else python, entry), str(layout.source)
    words = ["-m", "training.jobs.run_script", "--contract", contract_of(code), "--entry", entry]
    words += ["--source", str(layout.source), "--packages", str(layout.platform / "packages")]
    for name, pattern in sorted((code.metrics or {}).items()):
        words += ["--metric", f"{name}={pattern}"]
    return (python, *words, "--"), kit


def working_folder(code: CodeSpec, layout: Layout) -> Path:
    """The current folder of the job: where the script's code is, as far as that is known beforehand."""
    if code.source is None:
        return layout.work
    return layout.source if contract_of(code) == OWN else layout.platform


def no_model(code: CodeSpec) -> str:
    """Why a job without a model failed, in the words of its contract."""
    return NO_MODEL.format(MODEL_PLACES[contract_of(code)])


def problems(code: CodeSpec, hyperparameters: object) -> list[Problem]:
    """What is wrong with `contract` and `metrics`."""
    import re

    found = []
    if code.source is None:
        for name in ("contract", "metrics"):
            if getattr(code, name):
                found.append(Problem(f"code.{name}", "it is about a script in `source`, and there is no source"))
    for name, pattern in (code.metrics or {}).items():
        path = f"code.metrics.{name}"
        if not re.fullmatch(r"[\w.@/-]+", name):
            found.append(Problem(path, "a metric's name is letters, digits and . _ @ / -"))
        try:
            if not re.compile(pattern).groups:
                found.append(Problem(path, f"'{pattern}' has no group that holds the value; write it as 'name=(.*)'"))
        except re.error as error:
            found.append(Problem(path, f"'{pattern}' is no regular expression: {error}"))
    taken = REFUSED_NAMES.get(contract_of(code), ())
    for name in taken:
        if isinstance(hyperparameters, dict) and name in hyperparameters:
            reason = f"under the contract '{code.contract}' it is the argument that names the model's folder"
            found.append(Problem(f"hyperparameters.{name}", reason))
    return found
