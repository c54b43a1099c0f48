"""The workflow of a recommendation: read, hold out, factorise, measure, export."""

from __future__ import annotations

import inspect
import platform
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring_transforms.recommender import Recommender
from training.artifact import records
from training.artifact.manifest import as_json, compact_json, write_artifact
from training.artifact.signature import rounded
from training.errors import TrainingError, nearest
from training.estimators.estimators import DEFAULTS, make_estimator, parameter_defaults, public_name
from training.forms import skops_form
from training.jobs.job import Job
from training.options import Options
from training.pipeline import Say
from training.ranking.interactions import Interactions, hold_out, read_interactions
from training.ranking.measuring import Measured, measure, predictions
from training.report.drawing import start as start_drawing
from training.report.page import report_files

FACTORS = 16
"""Factors by default; fewer where there are not so many users or items."""
NO_ONNX = "recommendations are lists of items, which ONNX has no form for"


@dataclass(frozen=True)
class Ranked:
    """A fitted recommender, and how good it is."""

    model: Recommender
    train: Interactions
    test: Interactions
    measured: Measured


def run_ranking(job: Job, options: Options, say: Say) -> str:
    """Train as the job says, leave metrics and artifact where the platform wants them, and return the digest."""
    from training.workflow import now

    started = now()
    found = read_interactions(job.train, options, say)
    say(f"read {job.train.name}: {len(found)} choices")
    ranked = rank(found, options, say)
    say("metrics: " + ", ".join(f"{name} {value:.4f}" for name, value in ranked.measured.metrics.items()))
    files, manifest = _artifact(ranked, job, options, say)
    run = {"run": job.run, "started": started, "ended": now(), "host": platform.node(), "system": platform.platform()}
    digest = write_artifact(job.model_dir, manifest, files, run)
    job.write_metrics(ranked.measured.metrics)
    say(f"model written: {digest}")
    return digest


def rank(found: Interactions, options: Options, say: Say = lambda line: None) -> Ranked:
    """Hold out, fit, measure. Raises TrainingError for data or parameters that cannot work."""
    train, test = hold_out(found, options.test_size, options.seed)
    say(f"ranking of '{options.item}' for '{options.user}': {len(train)} choices to learn from, {len(test)} held out")
    model = Recommender(factorisation(options, train), options.top_k)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(train.users, train.items, train.weights)
    except (ValueError, TypeError, MemoryError) as error:
        raise TrainingError(f"{type(model.factorisation).__name__}: {error}") from error
    least = float(train.weights.mean()) if options.target else None
    measured = measure(model, test, least)
    if measured is None:
        raise TrainingError("no held-out interaction is rated above the average; hold out more with --test_size")
    return Ranked(model, train, test, measured)


def factorisation(options: Options, train: Interactions) -> Any:
    """The factorisation with its parameters. Raises TrainingError for an estimator that is none."""
    name = options.estimator or DEFAULTS["ranking"]
    cls = load_factorisation(name)
    parameters: dict[str, Any] = dict(options.parameters)
    most = min(len(set(train.users.tolist())), len(set(train.items.tolist())))
    if "n_components" in parameter_defaults(cls):
        parameters.setdefault("n_components", max(1, min(FACTORS, most - 1)))
    return make_estimator(cls, parameters, options.seed)


def load_factorisation(name: str) -> type[Any]:
    """A class of scikit-learn's decompositions that takes a sparse matrix, by its dotted or its bare name."""
    from sklearn import decomposition

    known = ("TruncatedSVD", "NMF", "MiniBatchNMF", "LatentDirichletAllocation")
    bare = name.rpartition(".")[2]
    if bare not in known or name not in (bare, f"sklearn.decomposition.{bare}"):
        dotted = [f"sklearn.decomposition.{choice}" for choice in known]
        raise TrainingError(f"--estimator: '{name}' does not factorise choices{nearest(name, dotted)}")
    found: type[Any] = getattr(decomposition, bare)
    return found if inspect.isclass(found) else type(found)


def _artifact(ranked: Ranked, job: Job, options: Options, say: Say) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of the artifact and its manifest."""
    model, metrics, details = ranked.model, ranked.measured.metrics, ranked.measured.details
    with start_drawing(details) as drawing:
        data = skops_form.dumps(model)
        figures = drawing.collect()
    if figures.reason:
        say(f"the report has no figures: {figures.reason}")
    columns = ["k", options.user]
    form = {"file": "model.skops", "format": "skops", "trusted_types": skops_form.untrusted_types(data)}
    manifest = {
        "task": "ranking",
        "origin": "training",
        "estimator": public_name(type(model.factorisation)),
        "serve": "sklearn",
        "forms": {"sklearn": {**form, "columns": columns, "probabilities": False}},
        "parity": {"within_limit": False, "reason": NO_ONNX},
        "packages": records.package_versions(),
    }
    signature = _signature(ranked, options)
    rows = {"train": len(ranked.train), "test": len(ranked.test), "dropped": 0}
    lineage = records.lineage(
        job.train, {"seed": options.seed, **job.hyperparameters}, rows=rows, sample=ranked.train.sample
    )
    card = records.model_card(manifest, signature, metrics, details=details, lineage=lineage, use=options.card)
    profile = _profile(ranked, options)
    report = report_files(
        manifest,
        signature=signature,
        details=details,
        profile=profile,
        lineage=lineage,
        figures=figures,
    )
    files = {
        **report,
        "model.skops": data,
        "signature.json": as_json(signature),
        "metrics.json": as_json(metrics),
        "profile.json": as_json(profile),
        "lineage.json": as_json(lineage),
        "model_card.md": card,
        "evaluation/evaluation.json": compact_json(details),
        "evaluation/predictions.csv": predictions(ranked.test, ranked.measured.offered),
    }
    return files, manifest


def _signature(ranked: Ranked, options: Options) -> dict[str, Any]:
    user = {"name": options.user, "type": "string", "nullable": False}
    k = {"name": "k", "type": "number", "integer": True, "nullable": True, "optional": True}
    limits = {"min": 1.0, "max": float(len(ranked.model.items_)), "default": options.top_k}
    return {"columns": [user, {**k, **limits}], "prediction": {"name": options.item, "type": "items"}}


def _profile(ranked: Ranked, options: Options) -> dict[str, Any]:
    """How often each user and each item was chosen, and the ratings."""
    train = ranked.train
    columns: dict[str, Any] = {}
    for name, values in ((options.user, train.users), (options.item, train.items)):
        names, counts = np.unique(values.astype(str), return_counts=True)
        top = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))[:50]
        known = {"type": "string", "count": len(train), "missing": 0, "distinct": len(names)}
        columns[name] = {**known, "top": dict(top)}
    if options.target:
        weights = train.weights
        facts = {"mean": weights.mean(), "std": weights.std(), "min": weights.min(), "max": weights.max()}
        told = {name: rounded(float(value)) for name, value in facts.items()}
        columns[options.target] = {"type": "number", "count": len(train), "missing": 0, **told}
    return {"rows": len(train), "columns": columns}
