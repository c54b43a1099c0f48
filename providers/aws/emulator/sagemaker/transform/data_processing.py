"""What `DataProcessing` does to records before the model sees them, and to its answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker.transform import paths
from providers.aws.emulator.sagemaker.transform.paths import Path, PathError

Format = Literal["csv", "json", "jsonlines"]
_FORMATS: dict[str, Format] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonlines": "jsonlines",
    "application/x-jsonlines": "jsonlines",
}
IN, OUT = "SageMakerInput", "SageMakerOutput"
"""Members of a joined JSON record."""


class BadRecords(Exception):
    """Records that cannot be filtered or joined: the words of the job's log."""


@dataclass(frozen=True)
class DataProcessing:
    """Filters, and whether the answer is joined to the input."""

    input_filter: Path
    output_filter: Path
    joins: bool
    content_type: str

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> DataProcessing:
        """From a transform job's request. Raises ApiError for an expression or a type that it cannot be done with."""
        given = job.get("DataProcessing") or {}
        content_type = str(job["TransformInput"].get("ContentType") or "")
        filters = []
        for member in ("InputFilter", "OutputFilter"):
            try:
                filters.append(paths.parse(given.get(member) or "$"))
            except PathError as error:
                raise validation(f"{member} is not a JSONPath expression that is supported: {error}") from error
        found = cls(filters[0], filters[1], given.get("JoinSource") == "Input", content_type)
        if (found.joins or not filters[0].is_all) and format_of(content_type) is None:
            raise validation(
                f"DataProcessing supports the content types {', '.join(_FORMATS)}; the TransformInput has "
                f"'{content_type}'"
            )
        split, assembled = (job[part].get(member) or "None" for part, member in (
            ("TransformInput", "SplitType"), ("TransformOutput", "AssembleWith")))  # fmt: skip
        if found.joins and split != assembled:
            raise validation(f"With JoinSource Input, SplitType {split} and AssembleWith {assembled} must be the same")
        return found

    def payload(self, given: bytes) -> bytes:
        """What the model is sent for records as they came. Raises `BadRecords`."""
        if self.input_filter.is_all:
            return given
        kind = self._input_format()
        return _written([_filtered(self.input_filter, record) for record in _read(given, kind)], kind)

    def result(self, given: bytes, answer: bytes, answer_type: str) -> bytes:
        """What is kept of the model's answer. Raises `BadRecords`."""
        if not self.joins and self.output_filter.is_all:
            return answer
        kind = format_of(answer_type)
        if kind is None:
            raise BadRecords(f"Failed to parse output from the algorithm: its content type is '{answer_type}'")
        records = _read(answer, kind, "output from the algorithm")
        if self.joins:
            source = self._input_format()
            if (source == "csv") != (kind == "csv"):
                raise BadRecords(f"Cannot join input of {self.content_type} with output of {answer_type}")
            before, kind = _read(given, source), source
            if len(before) != len(records):
                raise BadRecords(
                    f"Cannot join: {len(before)} records were sent, and the algorithm answered {len(records)}"
                )
            records = [_joined(one, other, kind) for one, other in zip(before, records, strict=True)]
        return _written([_filtered(self.output_filter, record) for record in records], kind)

    def _input_format(self) -> Format:
        found = format_of(self.content_type)
        if found is None:
            raise BadRecords(f"Failed to parse the input: its content type is '{self.content_type}'")
        return found


def format_of(content_type: str) -> Format | None:
    """What a content type is read as; None for one that records cannot be told apart in."""
    return _FORMATS.get(content_type.partition(";")[0].strip().lower())


def _read(data: bytes, kind: Format, what: str = "input") -> list[Any]:
    words = {"csv": "CSV", "json": "JSON", "jsonlines": "JSON Lines"}[kind]
    try:
        text = data.decode("utf-8")
        if kind == "csv":
            return [row for row in csv.reader(io.StringIO(text)) if row]
        if kind == "json":
            return [json.loads(text)]
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, csv.Error) as error:
        raise BadRecords(f"Failed to parse {what} as {words}: {error}") from error


def _written(records: list[Any], kind: Format) -> bytes:
    if kind == "csv":
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\n")
        writer.writerows(record if isinstance(record, list) else [record] for record in records)
        return made.getvalue().removesuffix("\n").encode()
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def _filtered(path: Path, record: Any) -> Any:
    try:
        return path.of(record)
    except PathError as error:
        raise BadRecords(f"The filter cannot be applied: {error}") from error


def _joined(given: Any, answer: Any, kind: Format) -> Any:
    """A row and the answer's columns; an object with the answer as one more member."""
    if kind == "csv":
        return given + answer
    return {**given, OUT: answer} if isinstance(given, dict) else {IN: given, OUT: answer}
