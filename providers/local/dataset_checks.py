"""What is wrong with where a dataset comes from, as far as a preview can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from providers.errors import Problem, did_you_mean
from providers.local.environments import image_lists
from providers.local.storage import Store
from providers.values import DatasetSpec
from training.data import compressed
from training.data.parts import ENDINGS
from training.errors import TrainingError


def source_problems(spec: DatasetSpec, root: Path, store: Store | None) -> Iterator[Problem]:
    """Everything that is wrong with the source; nothing for a query or an API that is not asked yet.

    `store` is that of this machine, None where the data goes to a cloud.
    """
    given = [key for key in ("source", "url", "sql", "http") if getattr(spec, key)]
    if len(given) != 1:
        have = f"{' and '.join(given)} are given" if given else "is missing"
        yield Problem(given[0] if given else "source", f"{have}; data comes from exactly one of source, url, sql, http")
        return
    if spec.source and (reason := _path_problem(spec, root / spec.source)):
        yield Problem("source", reason)
    if spec.url and store is not None and not store.exists(spec.url):
        yield Problem("url", f"there is nothing at {spec.url} in the store of this machine")
    if spec.sql and "://" not in spec.sql.url:
        yield Problem("sql.url", "is no address of a database, such as postgresql+psycopg://user@host/name")
    if spec.http and not spec.http.url.startswith(("http://", "https://")):
        yield Problem("http.url", "is no address that begins with http:// or https://")
    if spec.http and spec.http.paging and spec.http.paging.by in ("next", "cursor") and not spec.http.paging.field:
        yield Problem("http.paging.field", f"missing; it says where in the body the {spec.http.paging.by} one is")
    for problem in image_lists.problems(None, spec.requirements, ""):
        yield Problem(problem.property.removeprefix("."), problem.reason)


def _path_problem(spec: DatasetSpec, source: Path) -> str:
    """Why this source cannot be a dataset; empty when it can."""
    if not source.exists():
        siblings = sorted(path.name for path in source.parent.glob("*")) if source.parent.is_dir() else []
        return f"{spec.source} does not exist{did_you_mean(source.name, siblings)}"
    if source.is_dir():
        if spec.format == "file":
            return f"{spec.source} is a folder, and the format says that it is a file"
        return "" if any(path.is_file() for path in source.rglob("*")) else f"the folder {spec.source} is empty"
    if spec.format == "folder":
        return f"{spec.source} is a file, and the format says that it is a folder"
    if spec.format == "file":
        return ""
    try:
        format = spec.format or ENDINGS.get(compressed.ending(source))
    except TrainingError as error:
        return str(error)
    if format is None:
        return f"the ending of {spec.source} does not tell its format; set format to csv, parquet, jsonl or file"
    return _content_problem(spec.source, source, format)


def _content_problem(name: str, source: Path, format: str) -> str:
    if source.stat().st_size == 0:
        return f"{name} is empty" + (
            ": a CSV needs a line with the column names and one row at least" * (format == "csv")
        )
    if source.suffix.lower() == ".zst":
        return ""  # only polars reads it, in the environment of the job
    try:
        head = compressed.head(source, 1 << 16)
    except TrainingError as error:
        return str(error)
    if format == "parquet" and not head.startswith(b"PAR1"):
        return f"{name} is not a Parquet file (it does not begin with PAR1)"
    if format == "csv":
        whole = len(head) < 1 << 16
        if not head.strip():
            return f"{name} is empty: a CSV needs a line with the column names and one row at least"
        if whole and len(head.strip().splitlines()) < 2:
            return f"{name} has a header and no rows"
    return ""
