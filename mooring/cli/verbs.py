"""All verbs: their module, their group in `--help`, and their line there.

A table, so that `mooring --help` and completion import no command. A test compares it with the commands.
"""

from __future__ import annotations

from dataclasses import dataclass

DEPLOY = "Deploy"
MODELS = "Models, without a stack"
USE = "Use and watch"
VERSIONS = "Versions"
STACKS = "Stacks and settings"
MACHINE = "This machine"


@dataclass(frozen=True)
class Verb:
    """`module` is below `mooring.cli.commands` and has a Typer object `app`."""

    name: str
    module: str
    panel: str
    summary: str


VERBS: tuple[Verb, ...] = (
    Verb("new", "new", DEPLOY, "Make a project of your own: a copy of this kit in DIR."),
    Verb("up", "up", DEPLOY, "Deploy a stack: create, update or replace what its file asks for."),
    Verb("preview", "preview", DEPLOY, "Show what `up` would do, and do nothing."),
    Verb("refresh", "refresh", DEPLOY, "Bring the state up to date with what really exists."),
    Verb("destroy", "destroy", DEPLOY, "Take a stack down; lists the data and models that will be lost."),
    Verb("import", "import_", DEPLOY, "Take a resource that exists already into a stack's state."),
    Verb("cancel", "cancel", DEPLOY, "Stop the operation that holds a stack, and remove its lock."),
    Verb("train", "train", MODELS, "Train a model from a file, here and without a stack."),
    Verb("evaluate", "evaluate", MODELS, "Measure how good a model is on other data."),
    Verb("inspect", "inspect", MODELS, "Show a model: card, signature, metrics, lineage, files."),
    Verb("package", "package", MODELS, "Make a model of an existing file: scikit-learn, ONNX, XGBoost, MLflow, …"),
    Verb("status", "status", USE, "Show endpoints, versions, traffic, pins and jobs."),
    Verb("predict", "predict", USE, "Ask an endpoint, or a model here: one prediction a row of a file."),
    Verb("outputs", "outputs", USE, "Show a stack's outputs."),
    Verb("logs", "logs", USE, "Show the log of an endpoint or of a training run."),
    Verb("history", "history", VERSIONS, "List what was done to a stack."),
    Verb("rollback", "rollback", VERSIONS, "Put an earlier model version back on its endpoint, in seconds."),
    Verb("promote", "promote", VERSIONS, "Let another stack serve the same model version, byte for byte."),
    Verb("stacks", "stacks", STACKS, "List the project's stacks."),
    Verb("stack", "stack", STACKS, "Make or remove a stack (init, rm)."),
    Verb("config", "config", STACKS, "Read and write a stack's settings (get, set, rm)."),
    Verb("state", "state", STACKS, "Export or import a stack's state (export, import)."),
    Verb("emulate", "emulate", MACHINE, "Run an emulated cloud, for scripts and tests of your own."),
    Verb("env", "env", MACHINE, "Print what a plain `pulumi` needs, for eval."),
    Verb("doctor", "doctor", MACHINE, "Check this machine, and find what belongs to no stack (--orphans)."),
)

BY_NAME = {verb.name: verb for verb in VERBS}
PANELS = tuple(dict.fromkeys(verb.panel for verb in VERBS))
