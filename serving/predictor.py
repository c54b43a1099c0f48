"""A model artifact in memory: what the server, the batch job and offline comparisons all predict with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serving import artifact
from serving.cells import Column
from serving.columns import Encoder, Features
from serving.errors import ModelError
from serving.expectations import Expectations
from serving.forms import Answer, Form, load_form
from serving.recommendations import ITEMS


class Predictor:
    """Loads and verifies a model folder; predicts rows. Any number of threads may use one.

    Raises ModelError for a folder that cannot be served. `threads` is for ONNX Runtime's operators; `warnings` says
    whether values are compared with what training saw.
    """

    def __init__(self, folder: Path | str, threads: int = 1, *, warnings: bool = True) -> None:
        self.artifact = artifact.load(Path(folder))
        try:
            prediction = self.artifact.signature["prediction"]
            self.name: str = prediction["name"]
            self.type: str = prediction["type"]
            entries = self.artifact.signature["columns"]
            self.columns = [Column.parse(entry, identifier=self.type == ITEMS) for entry in entries]
            self.classes: list[Any] | None = prediction.get("classes")
            self.encoder = Encoder(self.columns)
            self.form: Form = load_form(self.artifact, self.columns, threads)
            self._expectations = Expectations(self.columns, entries, self.form.known) if warnings else None
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder}: manifest and signature do not fit together ({error!r})") from error

    @property
    def task(self) -> str:
        """`classification`, `regression`, `ranking` or `tensor`."""
        return self.artifact.task

    @property
    def has_probabilities(self) -> bool:
        """Whether answers carry a probability for each class."""
        entry = self.artifact.form(self.artifact.manifest["serve"])
        return self.task == "classification" and bool(entry.get("probabilities"))

    def predict(self, rows: Sequence[Any]) -> Answer:
        """Predict rows: mappings of column name to value, or lists in the signature's order.

        Raises RowError (row counted from 0) for a wrong column, a missing one or a wrong value, and RequestError
        for no rows or values that the model refuses.
        """
        return self.predict_features(self.encoder.encode(rows))

    def predict_features(self, features: Features) -> Answer:
        """Predict rows that are encoded already."""
        answer = self.form.run(features)
        if self._expectations and (unlike := self._expectations.unlike(features)):
            return replace(answer, unlike=unlike)
        return answer
