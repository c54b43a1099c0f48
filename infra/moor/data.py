"""`moor:index:Dataset` for the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output

from infra.moor.base import MoorResource, inputs_of


class Dataset(MoorResource):
    """Data kept in the stack's store, one version for each content.

    `version` is the SHA-256 digest of the content and `uri` its address; a job that takes both as a channel
    runs again exactly when the data has changed.
    """

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    uri: Output[str]
    version: Output[str]
    bytes: Output[int]
    files: Output[int]
    versions: Output[list[str]]
    rows: Output[int | None]
    columns: Output[int | None]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        source: Input[str] | None = None,
        url: Input[str] | None = None,
        sql: Input[Mapping[str, Any]] | None = None,
        http: Input[Mapping[str, Any]] | None = None,
        as_of: Input[str] | None = None,
        requirements: Input[Sequence[str]] | None = None,
        schema: Input[Mapping[str, str]] | None = None,
        delimiter: Input[str] | None = None,
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        format: Input[str] | None = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param source: file or folder, relative to the project's root.
        :param url: instead of it, an address in the stack's own store.
        :param sql: instead of it, a query: url, query.
        :param http: instead of it, an HTTP API: url, headers, items, paging.
        :param as_of: any label; a new one takes a new snapshot of `sql` or `http`.
        :param requirements: pinned packages of database drivers.
        :param schema: declared types of columns; `rows` and `columns` tell the size of a table.
        :param delimiter: of CSV files; told from the lines by default.
        :param name: name in the stack; the resource's name by default.
        :param format: `csv`, `parquet`, `jsonl`; `folder` and `file` are not looked into. By the ending by default.
        :param container: bucket or storage container of the stack; none on `local`.
        :param overrides: vendor settings passed through untouched.
        """
        super().__init__("Dataset", resource_name, inputs_of(locals()), opts)
