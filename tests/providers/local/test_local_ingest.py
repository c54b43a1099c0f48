"""Datasets are looked into before they are kept, and may come from a query, an API or the store itself."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cloud_support import ROWS, World

from providers.errors import InvalidInput
from providers.local.storage import Store
from providers.redaction import redactor
from providers.values import DatasetSpec
from tests.training.api_server import Reply, serving

pytestmark = pytest.mark.slow  # they build the image's environment, once


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def spec(**fields: Any) -> DatasetSpec:
    return DatasetSpec.model_validate({"cloud": "local", "name": "d", **fields})


def refused(world: World, given: DatasetSpec) -> str:
    """What is said of a dataset that passes the check and cannot be made."""
    kind, context = world.adapter.dataset, world.context("d:d")
    assert kind is not None
    given, problems = kind.check(given, context)
    assert list(problems) == []
    id = kind.create(given, context)
    with pytest.raises(InvalidInput) as caught:
        kind.wait(id, given, context)
    kind.delete(id, context)
    return str(caught.value)


def test_rows_columns_schema_and_profile_belong_to_a_version(world: World) -> None:
    id, state = world.dataset()
    assert (state.rows, state.columns) == (40, 3)
    kind: Any = world.adapter.dataset
    facts = kind.facts(id, state.uri)
    schema = json.loads((facts / "schema.json").read_text())
    assert [(column["name"], column["type"]) for column in schema["columns"]] == [
        ("a", "number"), ("b", "number"), ("label", "string")
    ]  # fmt: skip
    profile = json.loads((facts / "profile.json").read_text())
    assert profile["columns"]["label"]["top"] == {"x": 20, "y": 20}
    assert kind.read(id)[1] == state
    kind.delete(id, world.context("d:rows"))
    assert not [name for name in world.files() if name.startswith("datasets")]


def test_a_record_of_an_earlier_release_is_still_read(world: World) -> None:
    id, state = world.dataset()
    kind: Any = world.adapter.dataset
    path = world.home / "datasets" / f"{id}.json"
    record = json.loads(path.read_text())
    del record["size"], record["fetched"]
    path.write_text(json.dumps(record))
    assert kind.read(id)[1] == state.model_copy(update={"rows": None, "columns": None})
    assert "rows" not in kind.read(id)[1].to_wire()


def test_data_that_does_not_fit_its_schema_is_refused_and_not_kept(world: World) -> None:
    (world.root / "d.csv").write_text("a,b\n1,x\n2,y\nthree,z\n")
    said = refused(world, spec(source="d.csv", schema={"a": "number"}))
    assert said == (
        "source: d.csv, line 4, column 'a': 'three' is not a number, which the schema declares (such as 12 or -3.5e2)"
    )
    assert not [name for name in world.files() if name.startswith(("store/", "datasets/", "tmp/"))]


def test_a_broken_file_is_refused_unless_it_is_taken_as_it_is(world: World) -> None:
    (world.root / "d.csv").write_text("a,b\n1\n")
    assert "d.csv, line 2: 1 fields, but the header names 2; for data that only an own script" in refused(
        world, spec(source="d.csv")
    )
    _, state = world.make(world.adapter.dataset, spec(source="d.csv", format="file"), "d:d")
    assert state.rows is None
    assert Store(world.home).path(state.uri).read_text() == "a,b\n1\n"


def test_a_folder_of_an_own_script_is_taken_as_it_is_and_a_declared_one_is_not(world: World) -> None:
    (world.root / "both").mkdir()
    (world.root / "both" / "users.csv").write_text("user\n1\n")
    (world.root / "both" / "items.csv").write_text("item\n1\n")
    _, state = world.make(world.adapter.dataset, spec(source="both"), "d:d")
    assert state.rows is None
    assert any("warning: both is taken as it is: users.csv: the column" in line for line in world.said)
    assert "users.csv: the column 'item' is missing" in refused(world, spec(source="both", format="csv"))


def test_a_query_is_kept_once_for_each_label_and_leaves_no_secret(world: World) -> None:
    with sqlite3.connect(world.root / "shop.db") as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, "xy"[n % 2]) for n in range(10)])
    connection.close()
    source = {"url": "sqlite:///shop.db?password=hunter22", "query": "SELECT a, b FROM t WHERE b != 'hunter22'"}
    kind: Any = world.adapter.dataset
    first = spec(sql={**source, "url": "sqlite:///shop.db"}, asOf="monday", schema={"a": "integer", "b": "string"})
    id, state = world.make(kind, first, "d:d")
    assert (state.rows, state.columns, state.files) == (10, 2, 1)
    with sqlite3.connect(world.root / "shop.db") as connection:
        connection.execute("INSERT INTO t VALUES (10, 'x')")
    connection.close()
    assert kind.update(id, {}, first, world.context("d:d")) == state
    tuesday = first.model_copy(update={"as_of": "tuesday"})
    changed = kind.update(id, {}, tuesday, world.context("d:d"))
    assert changed.rows == 11
    assert changed.versions == [state.version, changed.version]
    assert kind.read(id) == (None, changed)
    everything = b"".join(
        path.read_bytes() for path in world.home.rglob("*") if path.is_file() and "code" not in str(path)
    )
    assert b"hunter22" not in everything
    assert "hunter22" not in redactor({"sql": source})("refused: sqlite:///shop.db?password=hunter22")


def test_an_api_becomes_a_dataset_and_its_failure_leaves_nothing(world: World) -> None:
    def handler(path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
        if headers.get("x-key") != "topsecret":
            return Reply({"error": "who are you, topsecret?"}, 403)
        page = int(query["page"])
        return Reply([{"a": page, "b": f"t{page}"}] if page < 4 else [])

    with serving(handler) as api:
        source = {"url": f"{api.url}/rows", "headers": {"X-Key": "topsecret"}, "paging": {"by": "page"}}
        _, state = world.make(world.adapter.dataset, spec(http=source), "d:d")
        assert (state.rows, state.columns) == (3, 2)
        said = refused(world.other("stage"), spec(http={**source, "headers": {"X-Key": "wrong-key"}}))
    assert said.startswith(f"http: {api.url}/rows answered with status 403")
    assert not any("topsecret" in line for line in world.said)
    assert not [name for name in world.files() if name.startswith(("store/proj/stage", "tmp/"))]


def test_an_address_in_the_store_is_used_as_it_is_and_outlives_the_dataset(world: World) -> None:
    _, first = world.dataset()
    kind: Any = world.adapter.dataset
    id, state = world.make(kind, spec(url=first.uri), "d:other")
    assert (state.uri, state.version, state.rows) == (first.uri, first.version, 40)
    kind.delete(id, world.context("d:other"))
    assert Store(world.home).path(first.uri).read_text() == ROWS


@pytest.mark.parametrize(
    ("fields", "property", "reason"),
    [
        ({}, "source", "is missing; data comes from exactly one of"),
        ({"source": "x.csv", "url": "local://x"}, "source", "source and url are given"),
        ({"url": "local://x@sha256:" + "0" * 64}, "url", "there is nothing at"),
        ({"sql": {"url": "shop.db", "query": "SELECT 1"}}, "sql.url", "is no address of a database"),
        ({"http": {"url": "ftp://x"}}, "http.url", "is no address that begins with http"),
        ({"http": {"url": "http://x", "paging": {"by": "cursor"}}}, "http.paging.field", "missing"),
        ({"sql": {"url": "a://b", "query": "q"}, "requirements": ["psycopg"]}, "requirements[0]", "not a pinned"),
    ],
)
def test_a_wrong_source_is_told_in_the_preview(
    world: World, fields: dict[str, Any], property: str, reason: str
) -> None:
    assert world.adapter.dataset is not None
    _, (problem,) = world.adapter.dataset.check(spec(**fields), world.context("d"))
    assert problem.property == property
    assert reason in problem.reason
