"""`python -m serving.offline --model DIR --input FILE --output FILE`: predictions of a file, whole or not at all.

Unlike a batch prediction it stops at what is wrong: every bad row is named with its line, and nothing is written.
The output has the input's columns, then `prediction` and, with `--probabilities`, a share for each class; with
`--bare` the predictions alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from serving.errors import ModelError, RequestError, RowError
from serving.offline_rows import FORMATS, PICTURES, Row, format_of, input_format, read
from serving.predictor import Predictor

CHUNK = 2000
"""Rows predicted at a time."""
TOLD = 5
"""Bad rows that are named; all are counted."""

Told = dict[str, Any]
"""One row of the output."""


def predictions(
    predictor: Predictor, rows: Iterable[Row], *, probabilities: bool, bare: bool, typed: bool
) -> Iterator[Told]:
    """What is written for each row, in order; `typed` gives numbers of a CSV file as such. Raises RequestError that
    names the bad rows, after all were read."""
    waiting, count = iter(rows), 0
    wrong: list[str] = []
    while chunk := list(islice(waiting, CHUNK)):
        count += len(chunk)
        for row in chunk if typed else ():
            values = zip(predictor.encoder.names, row.values, strict=False)
            row.given |= {name: value for name, value in values if name in row.given}
        good = [row for row in chunk if not row.error]
        told = list(_predicted(predictor, good, probabilities=probabilities, bare=bare)) if good else []
        wrong += [f"{row.place}: {row.error}" for row in chunk if row.error]
        if not wrong:
            yield from told
    if wrong:
        more = f" (and {len(wrong) - TOLD} more rows)" if len(wrong) > TOLD else ""
        raise RequestError("; ".join(wrong[:TOLD]) + more)
    if not count:
        raise RequestError("there is no row in it")


def _predicted(predictor: Predictor, chunk: list[Row], *, probabilities: bool, bare: bool) -> Iterator[Told]:
    try:
        answer = predictor.predict_features(predictor.encoder.encode_cells([row.values for row in chunk]))
    except RequestError as error:
        _blame(predictor, chunk, error)
        return
    shares = answer.probabilities if probabilities else None
    for at, (row, value) in enumerate(zip(chunk, answer.values, strict=True)):
        told: Told = {} if bare else dict(row.given)
        told["model_prediction" if "prediction" in told else "prediction"] = _plain(value)
        if shares is not None:
            told["probabilities"] = dict(zip(map(str, predictor.classes or []), _plain(shares[at]), strict=True))
        yield told


def _plain(value: Any) -> Any:
    """A value that JSON knows; numbers in the shortest digits of their own precision."""
    if value is None or isinstance(value, str | int):
        return value
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))


def _blame(predictor: Predictor, chunk: list[Row], error: RequestError) -> None:
    """Put the error at the rows that it is about, asking each alone; at all of them where none is to blame."""
    for row in chunk:
        try:
            predictor.predict_features(predictor.encoder.encode_cells([row.values]))
        except RequestError as own:
            row.error = own.reason if isinstance(own, RowError) else str(own)
    if not any(row.error for row in chunk):
        raise error


def write(told: Iterator[Told], path: Path, format: str) -> int:
    """Write the rows; how many there were."""
    writers = {"csv": _write_csv, "jsonl": _write_jsonl, "json": _write_json, "parquet": _write_parquet}
    return writers[format](told, path)


def _flat(row: Told) -> Told:
    """Shares as columns of their own, lists and mappings as JSON text."""
    flat: Told = {}
    for name, value in row.items():
        if name == "probabilities" and isinstance(value, dict):
            flat |= {f"probability_{label}": share for label, share in value.items()}
        elif value is None or isinstance(value, str | int | float):
            flat[name] = value
        else:
            flat[name] = orjson.dumps(value).decode()
    return flat


def _write_csv(told: Iterator[Told], path: Path) -> int:
    count = 0
    header: list[str] = []
    with path.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for row in map(_flat, told):
            if not count:
                header = list(row)
                writer.writerow(header)
            writer.writerow([_cell(row.get(name)) for name in header])
            count += 1
    return count


def _cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _write_jsonl(told: Iterator[Told], path: Path) -> int:
    count = 0
    with path.open("wb") as stream:
        for row in told:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def _write_json(told: Iterator[Told], path: Path) -> int:
    rows = list(told)
    path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    return len(rows)


def _write_parquet(told: Iterator[Told], path: Path) -> int:
    import polars

    rows = [_flat(row) for row in told]
    polars.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    return len(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code. The last line of standard error says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m serving.offline", description="Predict a file.")
    parser.add_argument("--model", type=Path, required=True, help="the artifact folder")
    parser.add_argument(
        "--input", type=Path, required=True, help="a CSV, JSON, JSON Lines, Parquet or npz file, or pictures"
    )
    parser.add_argument("--output", type=Path, required=True, help="the file that is written")
    parser.add_argument(
        "--format", default="", help=f"of the input: {', '.join(FORMATS + PICTURES)}; told by the ending"
    )
    parser.add_argument("--output-format", default="", help="of the output; told by the ending")
    parser.add_argument("--probabilities", action="store_true", help="a share for each class as well")
    parser.add_argument("--bare", action="store_true", help="predictions only, without the input's columns")
    options = parser.parse_args(arguments)
    partial = options.output.with_name(f".{options.output.name}.{os.getpid()}.part")
    try:
        form, out = input_format(options.input, options.format), format_of(options.output, options.output_format)
        predictor = Predictor(options.model)
        if options.probabilities and not predictor.has_probabilities:
            raise RequestError(f"--probabilities: this model ({predictor.task}) answers without any")
        rows = read(options.input, form, predictor.columns)
        told = predictions(predictor, rows, probabilities=options.probabilities, bare=options.bare, typed=out != "csv")
        count = write(told, partial, out)
        partial.replace(options.output)
    except (ModelError, RequestError, OSError) as error:
        print(f"prediction failed: {error}", file=sys.stderr)
        return 1
    finally:
        partial.unlink(missing_ok=True)
    print(f"{count} rows predicted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
