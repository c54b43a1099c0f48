"""A part of a dataset's rows as a file of the same format: what the first rungs of a search learn from."""

from __future__ import annotations

import csv
import random
from collections.abc import Collection, Iterator
from pathlib import Path

from training.data import csv_text
from training.data.compressed import ending, plain
from training.data.parts import Parts, find_parts


def write_share(source: Path, folder: Path, name: str, share: float, fewest: int, seed: int) -> Path:
    """Write that share of the rows of `source`, and `fewest` at least, to one file in `folder`; its path.

    Which rows is decided by the seed. A file that is there already is taken to be it. Raises TrainingError as reading.
    """
    parts = find_parts(source)
    target = folder / f"{name}{ending(parts.files[0])}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    with plain(parts) as whole:
        total = _count(whole)
        count = min(total, max(fewest, int(total * share)))
        chosen = frozenset(random.Random(seed).sample(range(total), count))
        {"csv": _write_csv, "jsonl": _write_lines, "parquet": _write_parquet}[parts.format](whole, chosen, partial)
    partial.replace(target)
    return target


def _count(parts: Parts) -> int:
    if parts.format == "parquet":
        import polars as pl

        return int(pl.scan_parquet(list(parts.files)).select(pl.len()).collect().item())
    return sum(1 for _ in (_csv_rows(parts) if parts.format == "csv" else _lines(parts)))


def _csv_rows(parts: Parts) -> Iterator[list[str]]:
    """The rows of all files, in the first one's order of columns."""
    names: list[str] = []
    for file in parts.files:
        label = parts.label(file)
        header, rows = csv_text.read_rows(file, label, parts.delimiter)
        names = names or header
        order = csv_text.same_columns(parts, label, names, header)
        yield from (row.cells if order is None else [row.cells[place] for place in order] for row in rows)


def _lines(parts: Parts) -> Iterator[str]:
    for file in parts.files:
        with file.open(encoding="utf-8-sig", newline="\n") as stream:
            yield from (line for line in stream if line.strip())


def _write_csv(parts: Parts, chosen: Collection[int], target: Path) -> None:
    header = csv_text.read_rows(parts.files[0], parts.label(parts.files[0]), parts.delimiter)[0]
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=parts.delimiter)
        writer.writerow(header)
        writer.writerows(row for place, row in enumerate(_csv_rows(parts)) if place in chosen)


def _write_lines(parts: Parts, chosen: Collection[int], target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(line.rstrip("\n") + "\n" for place, line in enumerate(_lines(parts)) if place in chosen)


def _write_parquet(parts: Parts, chosen: Collection[int], target: Path) -> None:
    import polars as pl

    frame = pl.scan_parquet(list(parts.files)).with_row_index("\0place")
    frame.filter(pl.col("\0place").is_in(sorted(chosen))).drop("\0place").sink_parquet(target)
