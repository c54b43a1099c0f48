"""What must hold between settings: names that are referred to exist, shares add up, files are there.

Runs on settings that are valid one by one. `broken` names entries that were left out because they are not;
a reference to one of them is no second problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path as FilePath
from typing import get_args

from pydantic.alias_generators import to_camel

from infra.settings.measures import measure_findings
from infra.settings.models import Batch, Dataset, Endpoint, FileSource, Model, ModelFormat, Settings, Training, Tuning
from infra.settings.problems import Path
from infra.settings.tasks import task_findings
from infra.settings.trainer import OPTIONS
from providers.contract import KINDS
from providers.errors import did_you_mean

Finding = tuple[Path, str]
Names = Mapping[str, Collection[str]]
"""All names under `datasets`, `models`, …, those of broken entries too."""

OWN_TRAINER_ONLY = tuple(dict.fromkeys(("estimator", "parameters", *OPTIONS)))
OWN_SCRIPT_ONLY = ("entry_point", "hyperparameters", "contract", "metrics")
CONTRACTS = {"aws": "sagemaker", "azure": "azureml", "gcp": "vertex"}
"""The contract of each vendor's cloud (docs/training-contract.md)."""
TRAINER_KEYS = {name: to_camel(name) for name in ("target", "seed", *OPTIONS)}
"""Arguments of Mooring's own trainer, which a parameter of the estimator would hide."""
CODE_FORMATS = {".joblib": "joblib", ".pkl": "pickle", ".pickle": "pickle"}
"""Endings of files whose loading executes code in them."""
SAFE_FORMATS = {
    ".onnx": "onnx",
    ".skops": "skops",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".txt": "lightgbm",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".gz": "tar",
    ".tgz": "tar",
    ".tar": "tar",
}
FORMATS = ", ".join(get_args(ModelFormat))
REGIONAL = {"aws": "eu-central-1", "azure": "westeurope", "gcp": "europe-west4"}
"""Clouds where nothing exists without a region, with an example."""
KIND_KEYS = tuple(field.split("_")[0] + "".join(p.title() for p in field.split("_")[1:]) for field in KINDS.values())
"""`trainingRun`, `endpoint`, …: the keys under `overrides.<cloud>`."""


def findings(settings: Settings, names: Names, clouds: Collection[str], root: FilePath | None) -> Iterator[Finding]:
    """All that is wrong. `root` None leaves files unchecked; `clouds` are the clouds there are."""
    yield from _stack(settings, clouds)
    for name, dataset in settings.datasets.items():
        yield from _dataset(("datasets", name), dataset, root)
    for name, model in settings.models.items():
        yield from _model(("models", name), model, names, clouds, root)
        yield from _contract(("models", name, "training", "contract"), model.training, settings.cloud)
    for name, endpoint in settings.endpoints.items():
        yield from _endpoint(("endpoints", name), endpoint, names, clouds, settings.cloud)
    for name, batch in settings.batches.items():
        yield from _batch(("batches", name), batch, names, clouds)


def _stack(settings: Settings, clouds: Collection[str]) -> Iterator[Finding]:
    cloud = settings.cloud
    if cloud not in clouds:
        yield ("cloud",), f"unknown cloud '{cloud}'{did_you_mean(cloud, sorted(clouds))}"
    if cloud in REGIONAL and not settings.region:
        yield ("region",), f"missing: cloud '{cloud}' needs a region, such as {REGIONAL[cloud]}"
    if cloud == "local":
        for key in ("region", "account", "audit"):
            if getattr(settings, key):
                yield (key,), "has no meaning on cloud 'local', which is this machine; remove it"
    yield from _clouds_of(("overrides",), settings.overrides, clouds)
    for vendor, kinds in settings.overrides.items():
        for kind in kinds:
            if kind not in KIND_KEYS:
                yield ("overrides", vendor, kind), f"unknown resource kind{did_you_mean(kind, KIND_KEYS)}"


def _dataset(path: Path, dataset: Dataset, root: FilePath | None) -> Iterator[Finding]:
    sources = [key for key in ("path", "url", "sql", "http") if getattr(dataset, key)]
    if len(sources) != 1:
        have = f"has {' and '.join(sources)}" if sources else "has no source"
        yield path, f"{have}; data comes from exactly one of path, url, sql, http"
    if dataset.path:
        yield from _exists((*path, "path"), dataset.path, root)
    fetched = dataset.sql or dataset.http
    for key, given in (("asOf", dataset.as_of), ("requirements", dataset.requirements)):
        if given and not fetched:
            yield (*path, key), "is of data from sql or http, which is fetched; remove it"


def _clouds_of(path: Path, overrides: Mapping[str, object], clouds: Collection[str]) -> Iterator[Finding]:
    for vendor in overrides:
        if vendor not in clouds:
            yield (*path, vendor), f"unknown cloud{did_you_mean(vendor, sorted(clouds))}"


def _exists(path: Path, given: str, root: FilePath | None) -> Iterator[Finding]:
    if root is None or (root / given).exists():
        return
    folder = (root / given).parent
    near = did_you_mean(FilePath(given).name, [entry.name for entry in folder.iterdir()]) if folder.is_dir() else ""
    near = near if near.startswith(" (did") else ""
    yield path, f"there is no file or folder '{given}'; paths are relative to the project's root{near}"


def _known(path: Path, kind: str, name: str, names: Names) -> Iterator[Finding]:
    if name not in names[kind]:
        choices = sorted(names[kind])
        hint = did_you_mean(name, choices) if choices else f" (there is nothing under '{kind}')"
        yield path, f"there is no {kind.removesuffix('s')} '{name}'{hint}"


def _model(path: Path, model: Model, names: Names, clouds: Collection[str], root: FilePath | None) -> Iterator[Finding]:
    sources = [key for key in ("training", "file", "promoted") if getattr(model, key) is not None]
    if len(sources) != 1:
        have = f"has {' and '.join(sources)}" if sources else "has no source"
        yield path, f"{have}; a model comes from exactly one of training, file, promoted"
    yield from _clouds_of((*path, "overrides"), model.overrides, clouds)
    if model.training:
        yield from _training((*path, "training"), model.training, names, clouds, root)
    if model.file:
        yield from _file((*path, "file"), model.file, root)
    if model.tuning:
        if not model.training:
            yield (*path, "tuning"), "needs a 'training' beside it, whose hyperparameters it searches"
        yield from _tuning((*path, "tuning"), model.tuning)
    yield from measure_findings(path, model, root)


def _training(
    path: Path, training: Training, names: Names, clouds: Collection[str], root: FilePath | None
) -> Iterator[Finding]:
    yield from _known((*path, "dataset"), "datasets", training.dataset, names)
    yield from _clouds_of((*path, "overrides"), training.overrides, clouds)
    if training.source is None:
        yield from task_findings(path, training)
        for name in TRAINER_KEYS.keys() & training.parameters.keys():
            reason = f"is no parameter of the estimator; write it beside 'parameters', as '{TRAINER_KEYS[name]}'"
            yield (*path, "parameters", name), reason
        yield from _misplaced(path, training, OWN_SCRIPT_ONLY, "needs a 'source', the folder of an own script")
        return
    yield from _misplaced(
        path, training, OWN_TRAINER_ONLY, "is of Mooring's own trainer; a script in 'source' takes 'hyperparameters'"
    )
    if training.entry_point is None:
        yield path, "missing key 'entryPoint': the script inside 'source'"
    missing = list(_exists((*path, "source"), training.source, root))
    yield from missing
    if training.entry_point and not missing and root:
        yield from _script((*path, "entryPoint"), root / training.source, training.entry_point)


def _contract(path: Path, training: Training | None, cloud: str) -> Iterator[Finding]:
    """A vendor's cloud has one contract; this machine has all of them."""
    own = CONTRACTS.get(cloud)
    if training and training.contract and own and training.contract != own:
        yield path, f"a script on cloud '{cloud}' runs under the contract '{own}'; leave 'contract' out, or write that"


def _script(path: Path, folder: FilePath, script: str) -> Iterator[Finding]:
    if not (folder / script).is_file():
        scripts = sorted(entry.name for entry in folder.glob("*.py"))
        yield path, f"there is no file '{script}' in 'source'{did_you_mean(script, scripts)}"


def _misplaced(path: Path, training: Training, fields: tuple[str, ...], reason: str) -> Iterator[Finding]:
    for name in fields:
        if name in training.model_fields_set and getattr(training, name):
            yield (*path, type(training).model_fields[name].alias or name), reason


def _file(path: Path, file: FileSource, root: FilePath | None) -> Iterator[Finding]:
    missing = list(_exists((*path, "path"), file.path, root))
    yield from missing
    ending = FilePath(file.path).suffix.lower()
    form = file.format or CODE_FORMATS.get(ending) or SAFE_FORMATS.get(ending)
    if form in CODE_FORMATS.values() and not file.trust:
        yield (
            path,
            (
                f"'{file.path}' is a {form} file, and loading it executes code that is in it; "
                "set 'trust: true' if you trust where it comes from, or export it to ONNX or skops"
            ),
        )
    if form is None and root and not missing and (root / file.path).is_file():
        yield path, f"the ending of '{file.path}' does not tell its format; set 'format' to one of {FORMATS}"


def _tuning(path: Path, tuning: Tuning) -> Iterator[Finding]:
    for name, space in tuning.space.items():
        at = (*path, "space", name)
        if space.type == "categorical":
            if not space.choices:
                yield at, "a categorical parameter needs 'choices', a list that is not empty"
            continue
        if space.low is None or space.high is None:
            yield at, f"a parameter of type '{space.type}' needs 'low' and 'high'"
        elif space.low > space.high:
            yield at, f"'low' ({space.low:g}) is above 'high' ({space.high:g})"
        elif space.log and space.low <= 0:
            yield at, f"a logarithmic scale needs 'low' above 0, not {space.low:g}"
    if tuning.parallel_trials > tuning.trials:
        yield (*path, "parallelTrials"), f"is {tuning.parallel_trials}, more than the {tuning.trials} 'trials'"


def _endpoint(path: Path, endpoint: Endpoint, names: Names, clouds: Collection[str], cloud: str) -> Iterator[Finding]:
    if endpoint.model and endpoint.models:
        yield path, "has 'model' and 'models'; name one model, or several with their shares"
    elif not endpoint.model and not endpoint.models:
        yield path, f"names no model; set 'model' to one of: {', '.join(sorted(names['models'])) or '(none defined)'}"
    if endpoint.model:
        yield from _known((*path, "model"), "models", endpoint.model, names)
    for name in endpoint.models:
        yield from _known((*path, "models", name), "models", name, names)
    if endpoint.models and (total := sum(endpoint.models.values())) != 100:
        yield (*path, "models"), f"the traffic sums to {total}, and must sum to 100"
    for name in endpoint.pin:
        if name not in endpoint.traffic():
            yield (*path, "pin", name), f"pins a model that this endpoint does not serve{_of(endpoint.traffic(), name)}"
    scaling = endpoint.autoscaling
    if scaling and scaling.min_replicas > scaling.max_replicas:
        yield (
            (*path, "autoscaling"),
            f"'minReplicas' ({scaling.min_replicas}) is above 'maxReplicas' ({scaling.max_replicas})",
        )
    if endpoint.port and cloud != "local" and cloud in clouds:
        yield (*path, "port"), f"can be chosen on cloud 'local' only; cloud '{cloud}' gives the address"
    yield from _clouds_of((*path, "overrides"), endpoint.overrides, clouds)


def _of(traffic: Mapping[str, int], name: str) -> str:
    return did_you_mean(name, sorted(traffic))


def _batch(path: Path, batch: Batch, names: Names, clouds: Collection[str]) -> Iterator[Finding]:
    yield from _known((*path, "model"), "models", batch.model, names)
    yield from _known((*path, "dataset"), "datasets", batch.dataset, names)
    yield from _clouds_of((*path, "overrides"), batch.overrides, clouds)
