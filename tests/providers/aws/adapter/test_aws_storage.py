"""Datasets on AWS, beyond the contract."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from adapter_bench import REGION, Stack

from providers.aws.storage import DatasetKind
from providers.contract import Changes, Ownership
from providers.errors import InvalidInput, NotFound
from providers.hashing import file_digest
from providers.values import DatasetSpec, DatasetState


@pytest.fixture
def kind(stack: Stack) -> DatasetKind:
    return DatasetKind(stack.home)


def spec_of(stack: Stack, **given: Any) -> DatasetSpec:
    return DatasetSpec.model_validate({**stack.scope, **given})


def made(kind: DatasetKind, stack: Stack, name: str, **given: Any) -> tuple[str, DatasetState]:
    context = stack.context(name)
    spec, problems = kind.check(spec_of(stack, **given), context)
    assert list(problems) == []
    id = kind.create(spec, context)
    return id, kind.wait(id, spec, context)


def test_a_file_is_kept_whole_with_its_schema_and_profile(kind: DatasetKind, stack: Stack) -> None:
    id, state = made(kind, stack, "whole", source="iris.csv")
    assert state.version == file_digest(stack.root / "iris.csv")
    assert (state.rows, state.columns, state.files) == (150, 5, 1)
    names = {key.rpartition("/")[2] for key in stack.objects(id.partition(f"{stack.name}/")[2])}
    assert {"record.json", "schema.json", "profile.json", "iris.csv"} <= names


def test_deleting_leaves_nothing_in_the_bucket(kind: DatasetKind, stack: Stack) -> None:
    id, _ = made(kind, stack, "deleted", source="iris.csv")
    prefix = id.partition(f"{stack.name}/")[2]
    kind.delete(id, stack.context("deleted"))
    assert stack.objects(prefix) == []
    assert kind.read(id) is None
    kind.delete(id, stack.context("deleted"))


def test_what_is_no_table_is_told_before_it_is_uploaded(kind: DatasetKind, stack: Stack) -> None:
    (stack.root / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    spec, _ = kind.check(spec_of(stack, source="ragged.csv"), stack.context("ragged"))
    id = kind.create(spec, stack.context("ragged"))
    with pytest.raises(InvalidInput, match=r"ragged.csv|line 3"):
        kind.wait(id, spec, stack.context("ragged"))
    assert [key for key in stack.objects(id.partition(f"{stack.name}/")[2]) if "/data/" in key] == []
    assert kind.read(id) == (spec, None)


def test_a_query_is_kept_and_nothing_secret_is_in_the_record(kind: DatasetKind, stack: Stack) -> None:
    with sqlite3.connect(stack.root / "hunter2.db") as database:
        database.execute("create table t (a integer, b text)")
        database.executemany("insert into t values (?, ?)", [(1, "x"), (2, "y")])
    given = {"sql": {"url": "sqlite:///hunter2.db", "query": "select * from t"}}
    id, state = made(kind, stack, "query", **given)
    assert (state.rows, state.columns) == (2, 2)
    kept = stack.running.client("s3").get_object(
        Bucket=stack.name, Key=f"{id.partition(f'{stack.name}/')[2]}/record.json"
    )
    record = kept["Body"].read().decode()
    assert "hunter2" not in record
    assert json.loads(record)["uri"] == state.uri
    (stack.root / "hunter2.db").unlink()
    assert kind.wait(id, spec_of(stack, **given), stack.context("query")) == state, "it was asked again"


def test_a_url_in_the_bucket_is_used_as_it_is_and_stays(kind: DatasetKind, stack: Stack) -> None:
    data = (stack.root / "iris.csv").read_bytes()
    stack.running.client("s3").put_object(Bucket=stack.name, Key="mine/iris.csv", Body=data)
    url = f"s3://{stack.name}/mine/iris.csv"
    id, state = made(kind, stack, "url", url=url)
    assert (state.uri, state.version, state.rows) == (url, file_digest(stack.root / "iris.csv"), 150)
    below, folder = made(kind, stack, "below", url=f"s3://{stack.name}/mine")
    assert (folder.uri, folder.files, folder.rows) == (f"s3://{stack.name}/mine/", 1, 150)
    kind.delete(id, stack.context("url"))
    kind.delete(below, stack.context("below"))
    assert stack.objects("mine/") == ["mine/iris.csv"]


def test_a_url_with_nothing_behind_it_is_told(kind: DatasetKind, stack: Stack) -> None:
    spec = spec_of(stack, url=f"s3://{stack.name}/nothing/")
    id = kind.create(spec, stack.context("nothing"))
    with pytest.raises(NotFound, match="nothing"):
        kind.wait(id, spec, stack.context("nothing"))


def test_data_that_was_removed_reads_as_gone(kind: DatasetKind, stack: Stack) -> None:
    id, state = made(kind, stack, "gone", source="iris.csv")
    kind._contents(id).delete(state.uri)
    assert kind.read(id) is None


def test_another_bucket_is_another_dataset(kind: DatasetKind) -> None:
    changes = kind.diff({}, {}, Changes(update=("container", "tags")))
    assert (changes.update, changes.replace) == (("tags",), ("container",))


def test_find_without_a_region_or_a_bucket_finds_nothing(
    kind: DatasetKind, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert kind.find(Ownership("nobody", "test", "", "")) == []
    assert kind.find(Ownership("nobody", "test", "", "", REGION)) == []


@pytest.mark.parametrize(
    ("changes", "property"),
    [
        ({"region": ""}, "region"),
        ({"region": "Frankfurt"}, "region"),
        ({"container": ""}, "container"),
        ({"container": "Not_A_Bucket"}, "container"),
        ({"source": "irish.csv"}, "source"),
        ({"source": "", "url": "local://x@sha256:0"}, "url"),
        ({"tags": {"aws:x": "y"}}, "tags.aws:x"),
        ({"tags": {"x": "ü" * 300}}, "tags.x"),
    ],
)
def test_bad_input_is_told_in_the_preview(
    kind: DatasetKind, stack: Stack, changes: dict[str, Any], property: str
) -> None:
    _, problems = kind.check(spec_of(stack, **{"source": "iris.csv", **changes}), stack.context("bad"))
    assert [problem.property for problem in problems] == [property]
