"""Models and their versions."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from providers.values.base import Digest, Name, Scoped, Value


class ModelSpec(Scoped):
    """A model: the owner of versions and run records."""

    keep_versions: int = Field(default=5, ge=1, description="Retired versions to keep, besides those in use.")
    on_destroy: Literal["delete", "keep"] = "delete"
    container: str = ""


class ModelState(Value):
    """The registry's group."""

    group: str = Field(description="The cloud's own name of the group.")


class Limit(Value):
    """The range that a metric must be in."""

    min: float | None = Field(default=None, description="Lowest value allowed.")
    max: float | None = Field(default=None, description="Highest value allowed.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is None and self.max is None:
            raise PydanticCustomError("limit", "needs 'min', 'max' or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("limit", f"'min' ({self.min:g}) is above 'max' ({self.max:g})")
        return self


class ModelVersionSpec(Scoped):
    """One immutable artifact in the registry. Any change of the bytes is a new version."""

    model: Name
    artifact: str = Field(description="Address of the artifact: of a run, of another stack's version, or a local path.")
    origin: Literal["run", "file", "promoted"] = "run"
    digest: Digest | None = Field(default=None, description="Digest the bytes must have; Check computes it for a file.")
    format: (
        Literal["mooring", "onnx", "skops", "joblib", "pickle", "xgboost", "lightgbm", "keras", "mlflow", "tar"] | None
    ) = None
    trust: bool = Field(default=False, description="Whether code in the artifact (pickle, joblib) may be executed.")
    thresholds: dict[str, float | Limit] = Field(
        default_factory=dict,
        description="Metric values that a model must reach to be registered: lowest ones, and highest ones of metrics "
        "that are better when low (`rmse`, `log_loss`); or `{min, max}`.",
    )
    metrics: dict[str, float] = Field(default_factory=dict)
    container: str = ""


class ModelVersionState(Value):
    """A registered version."""

    version: int = Field(ge=1, description="Number in the model's group, counted from 1.")
    digest: Digest
    uri: str = Field(description="Address of the artifact folder in this stack's store.")
    metrics: dict[str, float] = Field(default_factory=dict)
    signature: dict[str, Any] = Field(default_factory=dict, description="Columns, types, classes.")
    created: str = ""
