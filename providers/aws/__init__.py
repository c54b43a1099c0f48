"""Amazon Web Services: datasets on S3, everything else on SageMaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from providers.contract import Adapter


def create(home: Path | None = None, cache: Path | None = None) -> Adapter:
    """The adapter of AWS: of the account that the user's credentials belong to, or of the emulator that
    `MOORING_AWS_ENDPOINT` names.

    `home` (the project's) and `cache` are for what is done on this machine: fetching data, packaging models. Nothing is
    asked, loaded or written before it is needed.
    """
    from providers.aws import session
    from providers.aws.batch import BatchKind
    from providers.aws.endpoints import EndpointKind
    from providers.aws.models import ModelKind
    from providers.aws.storage import DatasetKind
    from providers.aws.training import TrainingKind
    from providers.aws.tuning import TuningKind
    from providers.aws.versions import ModelVersionKind
    from providers.contract import Adapter
    from providers.local.home import local_home

    home = home or local_home()
    return Adapter(
        cloud="aws",
        dataset=DatasetKind(home, cache),
        training_run=TrainingKind(home, cache),
        tuning_run=TuningKind(home, cache),
        model=ModelKind(home),
        model_version=ModelVersionKind(home, cache),
        endpoint=EndpointKind(home),
        batch_prediction=BatchKind(home, cache),
        close=session.close,
    )
