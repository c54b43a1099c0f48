"""This machine as a cloud: a folder as object store, jobs and servers as supervised processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from providers.contract import Adapter


def create(home: Path | None = None, cache: Path | None = None) -> Adapter:
    """The adapter of the local cloud, for the project of this process or another `home`.

    `cache` is the folder of the environments, `providers.paths.cache()` by default. Nothing is started or written.
    """
    from providers.contract import Adapter
    from providers.local.batch import BatchKind
    from providers.local.datasets import DatasetKind
    from providers.local.endpoints import EndpointKind
    from providers.local.home import local_home
    from providers.local.models import ModelKind
    from providers.local.training import TrainingKind
    from providers.local.tuning import TuningKind
    from providers.local.versions import ModelVersionKind

    home = home or local_home()
    return Adapter(
        cloud="local",
        dataset=DatasetKind(home, cache),
        training_run=TrainingKind(home, cache),
        tuning_run=TuningKind(home, cache),
        model=ModelKind(home),
        model_version=ModelVersionKind(home, cache),
        endpoint=EndpointKind(home, cache),
        batch_prediction=BatchKind(home, cache),
    )
