"""The resources of the Pulumi package `moor`: the life of a model on any cloud, as classes for the program.

Arguments are the fields of `providers/values/` in snake_case; objects may be given as those values or as
mappings. Each class's outputs are the fields of the kind's state. The provider is `providers/servicer.py`.
"""

from infra.moor.data import Dataset
from infra.moor.endpoint import BatchPrediction, Endpoint
from infra.moor.models import Model, ModelVersion
from infra.moor.training import TrainingRun, TuningRun

__all__ = ["BatchPrediction", "Dataset", "Endpoint", "Model", "ModelVersion", "TrainingRun", "TuningRun"]
