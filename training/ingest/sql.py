"""The rows of a query, streamed from any database that SQLAlchemy has a driver for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.errors import TrainingError
from training.ingest.rows import Parts, columns_of

CHUNK = 10_000
"""Rows that are fetched at a time."""


def fetch(source: Mapping[str, Any], parts: Parts) -> None:
    """Run the query `source["query"]` on `source["url"]` and write its rows. Nothing is committed.

    Raises TrainingError for an address that is none, a driver that is not installed, and what the database says.
    """
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        url = sqlalchemy.make_url(source["url"])
        engine = sqlalchemy.create_engine(url)
    except (NoSuchModuleError, ImportError) as error:
        driver = getattr(error, "name", None) or url.drivername
        raise TrainingError(
            f"the driver '{driver}' of the database is not installed; name its package under 'requirements'"
        ) from error
    except (ArgumentError, ValueError) as error:
        example = "postgresql+psycopg://user:password@host/name or sqlite:////path/to/file.db"
        raise TrainingError(f"the address of the database is none; it looks like {example}") from error
    if engine.dialect.name == "sqlite" and url.database:
        _check_file(url.database)
    try:
        with engine.connect() as connection:
            found = connection.execution_options(stream_results=True, max_row_buffer=CHUNK).execute(
                sqlalchemy.text(source["query"])
            )
            if not found.returns_rows:
                raise TrainingError("the query gives no rows; a SELECT is expected")
            names = columns_of(list(found.keys()))
            for chunk in found.partitions(CHUNK):
                parts.take(dict(zip(names, row, strict=True)) for row in chunk)
    except SQLAlchemyError as error:
        raise TrainingError(f"the database refused: {getattr(error, 'orig', None) or error}") from error
    finally:
        engine.dispose()


def _check_file(name: str) -> None:
    """SQLite would make an empty database of a name that is not there."""
    from pathlib import Path

    if name != ":memory:" and not name.startswith("file:") and not Path(name).is_file():
        raise TrainingError(f"there is no database file {name}")
