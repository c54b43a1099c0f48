"""Datasets: where their data comes from, and what is known of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from providers.values.base import Digest, Scoped, Value

ColumnType = Literal["number", "integer", "boolean", "string", "text", "date"]
"""What a dataset's column may be declared as."""

DataFormat = Literal["csv", "parquet", "jsonl", "folder", "file"]
"""Formats of data; `folder` and `file` are taken as they are, and not looked into."""


class SqlSource(Value):
    """A query whose rows become the data."""

    url: str = Field(min_length=1, description="SQLAlchemy URL of the database; may be secret.")
    query: str = Field(min_length=1, description="One statement that gives rows.")


class Paging(Value):
    """How an HTTP API hands out what it has in pages."""

    by: Literal["link", "next", "cursor", "page", "offset"] = Field(
        description="`link`: the next page is in the header Link; `next`: its address is in the body; `cursor`: a "
        "cursor in the body goes into the query; `page` and `offset`: pages or rows are counted in the query."
    )
    field: str = Field(default="", description="Where the next address or cursor is in the body, such as `meta.next`.")
    parameter: str = Field(default="", description="Query parameter; `cursor`, `page` or `offset` by default.")
    size: int | None = Field(default=None, ge=1, description="Rows of a page, sent as `sizeParameter`.")
    size_parameter: str = Field(default="limit", description="Query parameter for `size`.")
    first: int | None = Field(default=None, ge=0, description="First number: 1 for pages, 0 for offsets by default.")
    max_pages: int = Field(default=10_000, ge=1, description="More pages than this are an error.")


class HttpSource(Value):
    """An HTTP API whose JSON objects become the rows, or a file at an address."""

    url: str = Field(min_length=1, description="Address of the first page, or of a CSV, Parquet or JSON Lines file.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send; may be secret.")
    items: str = Field(default="", description="Where the rows are in the body, such as `data.items`.")
    paging: Paging | None = Field(default=None, description="How to get to the further pages.")


class DatasetSpec(Scoped):
    """Data to be kept in the stack's store, one version for each content. It comes from exactly one of `source`, `url`,
    `sql` and `http`."""

    source: str = Field(default="", description="Path of a file or folder, relative to the project's root.")
    url: str | None = Field(default=None, description="Address in the stack's own store, which is used as it is.")
    sql: SqlSource | None = Field(default=None, description="A query; its rows are kept when the spec changes.")
    http: HttpSource | None = Field(default=None, description="An HTTP API; its rows are kept when the spec changes.")
    as_of: str = Field(default="", description="Any label; a new one takes a new snapshot of `sql` or `http`.")
    requirements: list[str] = Field(default_factory=list, description="Pinned packages of database drivers.")
    format: DataFormat | None = Field(default=None, description="Format of the files; told by the ending when absent.")
    delimiter: str | None = Field(default=None, description="Delimiter of CSV files; told from the lines when absent.")
    column_types: dict[str, ColumnType] = Field(
        default_factory=dict, alias="schema", description="Declared types of columns; the others are told."
    )
    container: str = Field(default="", description="Bucket or storage container of the stack; empty on `local`.")
    source_hash: str | None = Field(default=None, description="Content hash; Check computes it.")


class DatasetState(Value):
    """Where the data is."""

    uri: str = Field(description="Address of the current version, readable by a job of this cloud.")
    version: Digest
    bytes: int = Field(ge=0)
    files: int = Field(ge=0)
    versions: list[Digest] = Field(default_factory=list, description="All versions kept, oldest first.")
    rows: int | None = Field(default=None, description="Rows of a table.")
    columns: int | None = Field(default=None, description="Columns of a table.")
