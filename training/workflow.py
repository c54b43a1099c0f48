"""The workflow of a training job: read, split, fit, evaluate, export.

`train` and its parts are plain functions of a table and options, so that tuning can fit many times on one split;
`run_job` is the whole of it under a platform's contract.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training import pipeline
from training.artifact import describe, records
from training.artifact.manifest import write_artifact
from training.checkpoints import Checkpoint, checkpoint_of
from training.cross_validation import cross_validate
from training.data.images import holds_images, read_images
from training.data.read import read
from training.data.schema import ReadOptions, parse_schema
from training.data.table import Table
from training.estimators.estimators import public_name
from training.evaluation.importance import importance
from training.evaluation.metrics import Evaluation, evaluate, headline
from training.evaluation.slices import columns_of
from training.forms.onnx_tools import Beside, Tools
from training.forms.sklearn_forms import Forms, make_forms
from training.jobs.job import Job
from training.options import Options, parse_options
from training.pipeline import Say, Split
from training.preprocessing.config import parse as parse_preprocessing
from training.preprocessing.kinds import schema
from training.preprocessing.matrix import layout, names
from training.report.drawing import Deferred, Drawing
from training.report.drawing import start as start_drawing

PACKAGES = ("sklearn.compose", "sklearn.ensemble", "sklearn.impute", "sklearn.pipeline", "sklearn.preprocessing")
"""What nearly every job needs of scikit-learn."""
PARITY_ROWS = 10_000
"""Parity is measured on all held-out rows and on up to this many of the training rows."""


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline and how good it is on the rows held out."""

    model: Any
    split: Split
    evaluation: Evaluation
    folds: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the cross-validation."""

    @property
    def metrics(self) -> dict[str, float]:
        """Metric name to value."""
        return {**self.evaluation.metrics, **self.folds}


def read_table(job: Job, options: Options, say: Say = lambda line: None) -> Table:
    """The job's training data as typed columns."""
    treatment = parse_preprocessing(options.preprocessing)
    if holds_images(job.train):
        return read_images(job.train, options.target, treatment.pictures(), say)
    declared = {**parse_schema(options.schema), **schema(treatment)}
    wanted = ReadOptions(
        schema=declared,
        categorical=options.categorical,
        drop=options.drop,
        format=options.data_format or None,
        delimiter=options.delimiter or None,
        memory=options.memory_mib << 20,
        seed=options.seed,
    )
    return read(job.train, wanted, say)


def train(table: Table, options: Options, say: Say = lambda line: None) -> Trained:
    """Split, fit and evaluate. Raises TrainingError for data or parameters that cannot work."""
    return train_split(pipeline.prepare(table, options, say), options.parameters, options.seed, options.slices)


def train_split(
    split: Split,
    parameters: Mapping[str, Any],
    seed: int,
    slices: Sequence[str] = (),
    checkpoint: Checkpoint | None = None,
    say: Say = lambda line: None,
) -> Trained:
    """Fit on a split that is there already, and evaluate: one trial of a tuning run."""
    sliced = columns_of(split.test, slices)
    model = pipeline.fit(split, parameters, seed, checkpoint, say)
    found = evaluate(model, pipeline.matrix(split.test), split.test_target, split.task, sliced)
    return Trained(model, split, found, cross_validate(split, parameters, seed, say))


def export(
    trained: Trained,
    job: Job,
    options: Options,
    started: str,
    drawing: Drawing | Deferred,
    tools: Tools | None = None,
    say: Say = lambda line: None,
) -> str:
    """Write the artifact folder, `job.model_dir`, and return its digest. `started` is an RFC 3339 time; `drawing` and
    `tools` work beside what is done here."""
    split = trained.split
    inputs = layout(split.features)
    # The held-out rows all, and rows of training: those sit on the splits of trees most often.
    learnt = split.train.take(np.arange(min(len(split.train), PARITY_ROWS)))
    rows = np.concatenate([split.test.row_numbers, learnt.row_numbers])
    features = np.concatenate([pipeline.matrix(split.test), pipeline.matrix(learnt)])
    details = {**trained.evaluation.details, "importance": importance(trained.model, names(split.features))}
    drawing.begin(details)
    forms = make_forms(trained.model, inputs, features, rows.tolist(), tools=tools)
    figures = drawing.collect()
    if figures.reason:
        say(f"the report has no figures: {figures.reason}")
    manifest = _manifest(trained, forms)
    given = {"seed": options.seed, **job.hyperparameters}
    told = describe.records_of(
        _facts(trained), manifest, details, figures, data=job.train, options=given, card=options.card
    )
    record = {
        "run": job.run,
        "started": started,
        "ended": now(),
        "host": platform.node(),
        "system": platform.platform(),
    }
    return write_artifact(job.model_dir, manifest, {**forms.files, **told}, record)


def run_job(
    job: Job, say: Say, beside: Callable[[], Beside] | None = None, drawing: Drawing | Deferred | None = None
) -> str:
    """Train as the job says, leave metrics and artifact where the platform wants them, and return the digest.

    `beside` makes the processes that convert to ONNX meanwhile; without it that is done here, in the end. `drawing` is
    one that was begun already, before this module and all that it takes were loaded.
    """
    started = now()
    options = parse_options(job.hyperparameters)
    if options.task == "ranking":
        from training.ranking.workflow import run_ranking

        return run_ranking(job, options, say)
    with drawing or start_drawing() as drawing, contextlib.ExitStack() as processes:
        tools = None
        if beside:
            _load(options)
            tools = processes.enter_context(beside())
        return _run(job, options, started, drawing, tools, say)


def _load(options: Options) -> None:
    """Load what fitting needs, before processes are made that shall have it too."""
    for name in (*PACKAGES, (options.estimator or "").rpartition(".")[0]):
        if name.startswith("sklearn."):
            with contextlib.suppress(ImportError):  # an unknown estimator is told in its place
                importlib.import_module(name)


def _run(job: Job, options: Options, started: str, drawing: Drawing | Deferred, tools: Tools | None, say: Say) -> str:
    checkpoint = checkpoint_of(job)
    table = read_table(job, options, say)
    say(f"read {job.train.name}: {len(table)} rows, {len(table.columns)} columns")
    split = pipeline.prepare(table, options, say)
    sizes = f"{len(split.train)} rows to learn from, {len(split.test)} held out"
    say(f"{split.task} of '{options.target}' with {split.estimator.__name__}: {sizes}")
    trained = train_split(split, options.parameters, options.seed, options.slices, checkpoint, say)
    say("metrics: " + headline(trained.metrics))
    digest = export(trained, job, options, started, drawing, tools, say)
    job.write_metrics(trained.metrics)
    if checkpoint:
        checkpoint.remove()
    say(f"model written: {digest}")
    return digest


def now() -> str:
    """The time in RFC 3339, UTC, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _manifest(trained: Trained, forms: Forms) -> dict[str, Any]:
    cls = trained.split.estimator
    return {
        "task": trained.split.task,
        "origin": "training",
        "estimator": public_name(cls),
        **forms.entries,
        "packages": records.package_versions(cls.__module__.split(".")[0]),
    }


def _facts(trained: Trained) -> describe.Trained:
    """What the artifact's records tell."""
    split, classes = trained.split, getattr(trained.model, "classes_", None)
    treated = split.preprocessing.columns
    return describe.Trained(
        task=split.task,
        target=split.target,
        train=split.train,
        train_target=split.train_target,
        test_rows=split.test.row_numbers,
        test_target=split.test_target,
        evaluation=trained.evaluation,
        metrics=trained.metrics,
        classes=None if classes is None else list(classes),
        dropped_rows=split.dropped_rows,
        needed=split.needed,
        date_formats={name: str(entry["format"]) for name, entry in treated.items() if entry.get("format")},
    )
