"""Batch predictions on AWS: all rows, in their order, whatever is wrong with some."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from models_bench import REGION, ModelsBench, models_bench
from running_emulator import KIT, RunningEmulator

from providers.aws import batch_parts, session
from providers.aws.batch import BatchKind
from providers.errors import InvalidInput, JobFailed
from providers.values import BatchSpec
from serving import row_by_row

HEADER = "sepal_length,sepal_width,petal_length,petal_width"


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsBench]:
    with models_bench(emulator, tmp_path_factory.mktemp("batch")) as made:
        yield made


@pytest.fixture(autouse=True)
def emulated(bench: ModelsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(session.ENDPOINT, bench.running.url)


@pytest.fixture
def batches(bench: ModelsBench) -> BatchKind:
    return BatchKind(bench.home)


def asked(bench: ModelsBench, content: str, name: str = "rows.csv", **changes: Any) -> BatchSpec:
    """A batch over a file of this content."""
    key = f"input/{bench.bucket}-{abs(hash(content))}/{name}"
    bench.running.client("s3").put_object(Bucket=bench.bucket, Key=key, Body=content.encode())
    _, state = bench.version("iris", bench.run(2), name="iris")
    own = {"model": "iris", "digest": state.digest, "input": {"uri": f"s3://{bench.bucket}/{key.rpartition('/')[0]}/"}}
    return BatchSpec.model_validate({**bench.scope("scores"), **own, "identity": {"principal": bench.role}, **changes})


def rows_of(bench: ModelsBench, uri: str) -> list[dict[str, str]]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    text = bench.running.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_all_rows_are_predicted_in_their_order_and_bad_ones_are_told(bench: ModelsBench, batches: BatchKind) -> None:
    content = f"id,{HEADER}\n" + "\n".join(["a,5.1,3.5,1.4,0.2", "b,oops,3.5,1.4,0.2", 'c,"6.3",3.3,6.0,2.5', "d,1,2"])
    spec, context = asked(bench, content), bench.context("told")
    assert batches.check(spec, context) == (spec, [])
    id = batches.create(spec, context)
    state = batches.wait(id, spec, context)
    assert (state.run, state.status, state.rows, state.failed_rows) == (id, "succeeded", 4, 2)
    found = rows_of(bench, state.output)
    assert [(row["id"], row["prediction"]) for row in found] == [
        ("a", "setosa"), ("b", ""), ("c", "virginica"), ("d", ""),
    ]  # fmt: skip
    assert float(found[0]["probability_setosa"]) > 0.5
    errors = rows_of(bench, state.output.replace("predictions.csv", "errors.csv"))
    assert [row["row"] for row in errors] == ["1", "3"]
    assert "sepal_length" in errors[0]["error"]
    assert batches.read(id) == (spec, state)
    assert bench.names("models") == [], "the job's own model has gone with it"
    batches.delete(id, context)
    assert batches.read(id) is None
    assert batches.find(context.owner) == []
    assert not [key for key in bench.keys("runs/") if "scores" in key]


def test_many_parts_are_one_table_again(
    bench: ModelsBench, batches: BatchKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_parts.split, "__defaults__", (2000,))
    content = (KIT / "data" / "iris.csv").read_text()
    spec, context = asked(bench, content, instances=2), bench.context("parts")
    id = batches.create(spec, context)
    assert len([key for key in bench.keys("runs/") if "/input/part-" in key]) > 1
    state = batches.wait(id, spec, context)
    given = list(csv.DictReader(io.StringIO(content)))
    found = rows_of(bench, state.output)
    assert (state.rows, state.failed_rows) == (len(given), 0)
    assert [{name: row[name] for name in given[0]} for row in found] == given
    batches.delete(id, context)


def test_a_create_that_is_repeated_is_one_job(bench: ModelsBench, batches: BatchKind) -> None:
    spec, context = asked(bench, f"{HEADER}\n5.1,3.5,1.4,0.2\n"), bench.context("repeated")
    id = batches.create(spec, context)
    assert batches.create(spec, context) == id
    other = replace(context, owner=replace(context.owner, inputs="others"))
    again = batches.create(spec, other)
    assert again != id
    assert [found.id for found in batches.find(context.owner)] == [again]
    assert batches.wait(again, spec, other).rows == 1
    batches.claim(again)
    assert batches.find(context.owner)[0].claimed
    batches.delete(again, other)


def test_a_batch_of_which_no_row_is_good_fails(bench: ModelsBench, batches: BatchKind) -> None:
    spec, context = asked(bench, f"{HEADER}\nx,y,z,0\n"), bench.context("bad")
    id = batches.create(spec, context)
    with pytest.raises(JobFailed, match="none of the 1 rows could be predicted"):
        batches.wait(id, spec, context)
    batches.delete(id, context)


def test_a_wrong_header_fails_with_the_servers_words(bench: ModelsBench, batches: BatchKind) -> None:
    spec, context = asked(bench, "colour,size\nred,1\n"), bench.context("header")
    id = batches.create(spec, context)
    with pytest.raises(JobFailed, match="sepal_length"):
        batches.wait(id, spec, context)
    batches.delete(id, context)


def test_a_batch_that_takes_too_long_is_stopped(bench: ModelsBench, batches: BatchKind) -> None:
    row = "5.1,3.5,1.4,0.2\n"
    spec, context = asked(bench, f"{HEADER}\n{row * 300_000}", timeLimit=1), bench.context("late")
    id = batches.create(spec, context)
    with pytest.raises(JobFailed, match="stopped at its time limit of 1 s"):
        batches.wait(id, spec, context)
    batches.delete(id, context)


def test_json_lines_are_read_too(bench: ModelsBench, batches: BatchKind) -> None:
    row = '{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2, "id": "a"}'
    spec, context = asked(bench, f"{row}\n[1]\n", "rows.jsonl"), bench.context("lines")
    id = batches.create(spec, context)
    state = batches.wait(id, spec, context)
    assert (state.rows, state.failed_rows) == (2, 1)
    assert [(row["id"], row["prediction"]) for row in rows_of(bench, state.output)] == [("a", "setosa"), ("", "")]
    batches.delete(id, context)


def test_no_rows_and_no_version_are_told_and_leave_nothing(bench: ModelsBench, batches: BatchKind) -> None:
    spec = asked(bench, f"{HEADER}\n")
    with pytest.raises(InvalidInput, match="has no rows"):
        batches.create(spec, bench.context("none"))
    with pytest.raises(InvalidInput, match="has no version"):
        batches.create(spec.model_copy(update={"digest": "sha256:" + "0" * 64}), bench.context("none"))
    assert bench.names("models") == []
    assert not [key for key in bench.keys("runs/") if "scores" in key]
    assert batches.read(f"{REGION}/no-such-job") is None


def test_the_words_for_the_server_are_the_servers() -> None:
    assert (batch_parts.ROWS_TYPE, batch_parts.ERROR) == (row_by_row.TYPE, row_by_row.ERROR)


def test_records_with_line_ends_in_them_stay_whole(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(b'a,b\r\n1,"x\r\ny"\r\n2,z\r\n')
    (tmp_path / "parts").mkdir()
    parts = batch_parts.split(source, tmp_path / "parts", 5)
    assert [part.read_bytes() for part in parts] == [b'a,b\r\n1,"x\r\ny"\r\n', b"a,b\r\n2,z\r\n"]
