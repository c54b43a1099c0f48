"""How Mooring's own trainer is to prepare data, split it and learn; `training.options` takes the same as text."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from providers.values import Name, Value

TaskName = Literal["classification", "regression", "ranking"]
ColumnType = Literal["number", "category", "text", "date", "image"]
DatePart = Literal["year", "quarter", "month", "day", "weekday", "dayofyear", "hour", "minute", "elapsed"]
Fill = Literal["mean", "median", "most_frequent", "constant", "drop", "keep"]
Scale = Literal["standard", "minmax", "robust", "range", "none"]


def _scalar(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("scalar", "must be text or a number, not {given}", {"given": repr(value)})
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        text = "must be a count (1, 2, …) or a share between 0 and 1, not {given}"
        raise PydanticCustomError("amount", text, {"given": repr(value)})
    return value


def _pair(value: Any) -> Any:
    pair = [value, value] if isinstance(value, int) and not isinstance(value, bool) else value
    whole = isinstance(pair, list) and all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in pair)
    if not whole or len(pair) != 2:
        raise PydanticCustomError(
            "pair", "must be two whole numbers such as [1, 2], not {given}", {"given": repr(value)}
        )
    return value


def _weights(value: Any) -> Any:
    """`balanced`, or a weight by class; a class may be a number."""
    if isinstance(value, dict) and value:
        value = {str(label): weight for label, weight in value.items()}
        if all(isinstance(weight, int | float) and not isinstance(weight, bool) for weight in value.values()):
            return value
    elif value in (None, "balanced", "balanced_subsample"):
        return value
    text = "must be 'balanced', or a weight for each class such as {{'yes': 5, 'no': 1}}, not {given}"
    raise PydanticCustomError("weights", text.replace("{{", "{").replace("}}", "}"), {"given": repr(value)})


Scalar = Annotated[Any, AfterValidator(_scalar)]
Amount = Annotated[Any, AfterValidator(_amount)]
Pair = Annotated[Any, AfterValidator(_pair)]
ClassWeight = Annotated[Any, AfterValidator(_weights)]


class Treatment(Value):
    """What is done to a column, or by default to all of a type."""

    missing: Fill | None = Field(default=None, description="What stands for a missing value, or becomes of its row.")
    value: Scalar = Field(default=None, description="Of `missing: constant`: the value.")
    scale: Scale | None = Field(default=None, description="Of numbers, dates and images.")
    encode: Literal["onehot", "ordinal"] | None = Field(default=None, description="Of categories.")
    order: list[Scalar] | None = Field(default=None, description="Of categories: the lowest first.")
    unseen: Literal["ignore", "rare", "error"] | None = Field(default=None, description="Of categories never seen.")
    min_count: Amount = Field(default=None, description="Categories below are rare (count, share).")
    max_categories: int | None = Field(default=None, ge=2, description="All but the most frequent are rare.")
    parts: list[DatePart] | None = Field(default=None, min_length=1, description="Of dates.")
    cyclic: bool | None = Field(default=None, description="Of dates: parts that begin again as sine and cosine.")
    format: str | None = Field(default=None, description="Of dates that are not ISO 8601: as `strptime` has it.")
    ngrams: Pair = Field(default=None, description="Of text: the shortest and longest run of words.")
    max_features: int | None = Field(default=None, ge=1, description="Of text: the most frequent words that are kept.")
    min_df: Amount = Field(default=None, description="Of text: rows that hold a word (count, share).")
    max_df: Amount = Field(default=None, description="Of text: words in more rows are left out.")
    analyzer: Literal["word", "char", "char_wb"] | None = Field(default=None, description="Of text.")
    lowercase: bool | None = Field(default=None, description="Of text.")
    sublinear: bool | None = Field(default=None, description="Of text: 1 + log(count) for counts.")
    stop_words: Literal["english", "none"] | None = Field(default=None, description="Of text.")
    size: Pair = Field(default=None, description="Of pictures: [height, width].")
    channels: Literal[1, 3, 4] | None = Field(default=None, description="Of pictures.")


class ColumnTreatment(Treatment):
    """What is done to one column. Short form: its type alone."""

    type: ColumnType | None = Field(default=None, description="Told from the values when absent.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return {"type": data} if isinstance(data, str) else data


class Preprocessing(Value):
    """What is done to columns before the estimator sees them: by type, and by column."""

    defaults: dict[ColumnType, Treatment] = Field(default_factory=dict, description="By type of column.")
    columns: dict[str, ColumnTreatment] = Field(default_factory=dict, description="By name of column.")


class SplitRule(Value):
    """Which rows are held out. Short form: the type alone."""

    type: Literal["random", "stratified", "group", "time"] = Field(description="By what rows are chosen.")
    column: str | None = Field(default=None, description="Of `group` and `time`: the column.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return {"type": data} if isinstance(data, str) else data


class EarlyStopping(Value):
    """When further iterations are of no use. Short form: true."""

    rounds: int = Field(default=10, ge=1, description="Iterations without progress after which to stop.")
    share: float = Field(default=0.1, gt=0, lt=1, description="Share of the training rows that progress is seen on.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return {} if data is True else data


class TrainerOptions(Value):
    """Keys of `training` that Mooring's own trainer understands; some are for own scripts too."""

    dataset: Name = Field(description="A name under `datasets`.")
    target: str | None = Field(default=None, description="Column to predict; own scripts may do without.")
    task: TaskName | None = Field(default=None, description="Told from target and estimator when absent.")
    estimator: str | None = Field(default=None, description="Dotted name of an estimator.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Parameters of the estimator.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Seed of the split and of the estimator.")
    test_size: float | None = Field(default=None, gt=0, lt=1, description="Share of the rows held out.")
    split: SplitRule | None = Field(
        default=None, description="`random`, `stratified`, or `{type: group, column}`, `{type: time, column}`."
    )
    cross_validation: int | None = Field(default=None, ge=2, description="Folds; their metrics are `cv_…`.")
    preprocessing: Preprocessing | None = Field(
        default=None, description="`{defaults: {<type>: …}, columns: {<column>: …}}`; see docs/training.md."
    )
    categorical: list[str] = Field(default_factory=list, description="Columns that are categories though numbers.")
    drop: list[str] = Field(default_factory=list, description="Columns to leave out.")
    class_weight: ClassWeight = Field(default=None, description="`balanced`, or a weight for each class.")
    sample_weight: str | None = Field(default=None, description="Column with the weight of each row.")
    early_stopping: EarlyStopping | None = Field(default=None, description="`true`, or `{rounds, share}`.")
    user: str | None = Field(default=None, description="Of `task: ranking`: the column of the users.")
    item: str | None = Field(default=None, description="Of `task: ranking`: the column of the items.")
    top_k: int | None = Field(default=None, ge=1, description="Of `task: ranking`: items a user is recommended.")
    slices: list[str] = Field(default_factory=list, description="Columns by whose values metrics are told too.")
    card: str | None = Field(default=None, description="What the model card says of the intended use.")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: object) -> object:
        """`earlyStopping: false` is none."""
        if not isinstance(data, dict):
            return data
        found = dict(data)
        for key in ("earlyStopping", "early_stopping"):
            if found.get(key) is False:
                found[key] = None
        return found

    def arguments(self) -> dict[str, Any]:
        """What the trainer gets: the options that were given, by their names there, what is nested as JSON text."""
        names = [name for name in OPTIONS if name in self.model_fields_set]
        given = {name: getattr(self, name) for name in names}
        return {name: _plain_value(value) for name, value in given.items() if value not in (None, [])}


OPTIONS = tuple(name for name in TrainerOptions.model_fields if name not in ("dataset", "target", "parameters", "seed"))
"""Options of the trainer besides the target and the seed, which own scripts may have too."""


def _plain_value(value: Any) -> Any:
    if isinstance(value, Value):
        return json.dumps(value.model_dump(exclude_unset=True, exclude_none=True, mode="json"), sort_keys=True)
    return json.dumps(value) if isinstance(value, dict | list) else value
