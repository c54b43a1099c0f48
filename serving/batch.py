"""`python -m serving.batch --model DIR --input FILE --output DIR`: predictions for a whole file.

Reads CSV (with a header) or JSON Lines in chunks, whatever the file's size. Writes `predictions.csv` (the
input's columns, then `prediction` and `probability_<class>`; one line a row, in the input's order, empty where
the row was bad), `errors.csv` (row, from 0, and why) and `summary.json` ({"rows", "failed_rows"}).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import orjson

from serving.batch_input import Line, find_file, open_source, open_text
from serving.errors import ModelError, RequestError, RowError
from serving.forms import Answer
from serving.predictor import Predictor

CHUNK = 2000
"""Rows predicted at a time."""


def run(model: Path, source: Path, output: Path, say: Callable[[str], None] = lambda line: None) -> dict[str, int]:
    """Predict the whole file; returns the summary. Raises ModelError or RequestError for what no row can mend."""
    predictor = Predictor(model)
    source = find_file(source)
    output.mkdir(parents=True, exist_ok=True)
    total = failed = 0
    with (
        open_text(source) as stream,
        _create(output / "predictions.csv") as predictions,
        _create(output / "errors.csv") as errors,
    ):
        opened = open_source(stream, source, predictor)
        write, fail = csv.writer(predictions, lineterminator="\n"), csv.writer(errors, lineterminator="\n")
        write.writerow([*opened.header, *new_columns(predictor, opened.header)])
        fail.writerow(["row", "error"])
        while chunk := list(islice(opened.lines, CHUNK)):
            found = predict_lines(predictor, chunk)
            for at, line in enumerate(chunk):
                write.writerow([*line.copied, *found[at]])
                if line.error:
                    fail.writerow([total + at, line.error])
                    failed += 1
            total += len(chunk)
            say(f"{total} rows predicted, {failed} failed")
    if not total:
        raise RequestError(f"{source.name}: no rows")
    summary = {"rows": total, "failed_rows": failed}
    _replace(output / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _create(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", errors="replace", newline="")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def new_columns(predictor: Predictor, header: Sequence[str]) -> list[str]:
    """Names of the output's own columns; an input that has one of that name already keeps it."""
    names = ["prediction"]
    if predictor.has_probabilities:
        names += [f"probability_{label}" for label in predictor.classes or []]
    return [f"model_{name}" if name in header else name for name in names]


def predict_lines(predictor: Predictor, chunk: list[Line]) -> list[list[Any]]:
    """The output's own cells of each line. A chunk that the model refuses is predicted row by row instead."""
    empty = [""] * len(new_columns(predictor, []))
    good = [line for line in chunk if not line.error]
    cells = _try(predictor, good) if good else []
    if cells is None:
        cells = []
        for line in good:
            cells += _try(predictor, [line]) or [empty]
    waiting = iter(cells)
    return [empty if line.values == [] else next(waiting) for line in chunk]


def _try(predictor: Predictor, lines: list[Line]) -> list[list[Any]] | None:
    try:
        answer = predictor.predict_features(predictor.encoder.encode_cells([line.values for line in lines]))
    except RequestError as error:
        if len(lines) > 1:
            return None
        lines[0].error = error.reason if isinstance(error, RowError) else str(error)
        return [[""] * len(new_columns(predictor, []))]
    return _cells_of(answer)


def _cells_of(answer: Answer) -> list[list[Any]]:
    values = [_written(value) for value in answer.values]
    if answer.probabilities is None:
        return [[value] for value in values]
    return [[value, *map(_written, row)] for value, row in zip(values, answer.probabilities, strict=True)]


def _written(value: Any) -> Any:
    """A value as a CSV cell: the shortest digits of its own precision, JSON for a tensor."""
    if isinstance(value, np.ndarray | dict | list | np.generic):
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code: 1 when no row could be predicted."""
    parser = argparse.ArgumentParser(prog="python -m serving.batch", description="Predict a whole file.")
    parser.add_argument("--model", type=Path, required=True, help="the artifact folder")
    parser.add_argument("--input", type=Path, required=True, help="a .csv or .jsonl file, or a folder with one")
    parser.add_argument("--output", type=Path, required=True, help="folder for predictions.csv and summary.json")
    options = parser.parse_args(arguments)
    try:
        summary = run(options.model, options.input, options.output, lambda line: print(line, flush=True))
    except (ModelError, RequestError, OSError) as error:
        print(f"batch prediction failed: {error}", file=sys.stderr)
        return 1
    if summary["failed_rows"] == summary["rows"]:
        print(
            f"batch prediction failed: none of {summary['rows']} rows could be predicted; see errors.csv",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
