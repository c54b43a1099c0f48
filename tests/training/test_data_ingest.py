"""Snapshots of databases and HTTP APIs: all rows, once, whatever the server does; and no secret in what is said."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from api_server import Reply, serving

from training.data.read import read
from training.errors import TrainingError
from training.ingest import __main__ as ingest
from training.ingest import client, rows
from training.ingest.http import with_query
from training.ingest.paging import next_page, parse_links

ROWS = [{"id": number, "name": f"n{number}", "score": number / 4} for number in range(23)]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which are not waited."""
    waits: list[float] = []
    monkeypatch.setattr(client.time, "sleep", waits.append)
    return waits


def fetch(folder: Path, source: dict[str, Any]) -> int:
    return ingest.main(["--output", str(folder)], {"MOORING_SOURCE": json.dumps(source)})


def found(folder: Path) -> list[dict[str, Any]]:
    return pl.concat([pl.read_parquet(file) for file in sorted(folder.glob("*.parquet"))]).to_dicts()


def paged(path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
    """Pages of five rows, by every way of paging."""
    size, start = int(query.get("limit", 5)), 0
    if path == "/page":
        start = (int(query["page"]) - 1) * size
    elif path == "/offset":
        start = int(query["offset"])
    else:
        start = int(query.get("after", 0))
    items, end = ROWS[start : start + size], start + size
    body: dict[str, Any] = {"data": {"items": items}, "meta": {}}
    reply = Reply(body)
    if end < len(ROWS) and path == "/next":
        body["meta"]["next"] = f"/next?after={end}"
    if end < len(ROWS) and path == "/cursor":
        body["meta"]["cursor"] = end
    if end < len(ROWS) and path == "/link":
        reply.headers["Link"] = f'<https://elsewhere/a,b>; rel="prev, up", </link?after={end}>; rel="next last"'
    return reply


PAGINGS = [
    ("/page", {"by": "page", "size": 5}),
    ("/page", {"by": "page"}),
    ("/offset", {"by": "offset", "size": 7}),
    ("/next", {"by": "next", "field": "meta.next"}),
    ("/cursor", {"by": "cursor", "field": "meta.cursor", "parameter": "after"}),
    ("/link", {"by": "link"}),
]


@pytest.mark.parametrize(("path", "paging"), PAGINGS)
def test_every_page_is_fetched_once_in_order(tmp_path: Path, path: str, paging: dict[str, Any]) -> None:
    with serving(paged) as api:
        source = {"url": api.url + path, "items": "data.items", "paging": paging}
        assert fetch(tmp_path / "out", {"http": source}) == 0
    assert found(tmp_path / "out") == ROWS


def test_a_busy_server_is_asked_again_after_the_time_it_names(tmp_path: Path, no_waiting: list[float]) -> None:
    answers = iter([Reply({}, 429, {"Retry-After": "7"}), Reply({}, 503), Reply({}, 503), Reply(ROWS)])
    with serving(lambda *_: next(answers)) as api:
        assert fetch(tmp_path / "out", {"http": {"url": api.url}}) == 0
    assert found(tmp_path / "out") == ROWS
    assert no_waiting == [7.0, 1.0, 2.0]


def test_a_page_whose_connection_is_cut_is_fetched_again_without_doubled_rows(tmp_path: Path) -> None:
    cuts = iter([20, 200])

    def handler(path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
        reply = paged(path, query, headers)
        reply.cut = next(cuts, None) if query["page"] == "2" else None
        return reply

    with serving(handler) as api:
        source = {"url": api.url + "/page", "items": "data.items", "paging": {"by": "page", "size": 5}}
        assert fetch(tmp_path / "out", {"http": source}) == 0
    assert found(tmp_path / "out") == ROWS


def test_a_server_that_stays_down_is_given_up_after_six_tries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_waiting: list[float]
) -> None:
    with serving(lambda *_: Reply({}, 503)) as api:
        assert fetch(tmp_path / "out", {"http": {"url": api.url + "/x"}}) == 1
        assert len(api.requests) == 6
    assert "/x could not be read in 6 tries; the last one: status 503" in capsys.readouterr().err
    assert len(no_waiting) == 5


@pytest.mark.parametrize(
    ("source", "reply", "message"),
    [
        ({}, Reply(b"<html>"), "page 1 is not JSON"),
        (
            {},
            Reply({"rows": []}),
            "page 1 as a whole is no list of rows; 'items' says where they are; the page has: rows",
        ),
        ({"items": "a.b"}, Reply({"a": 1}), "page 1 at 'a.b' is no list of rows"),
        ({}, Reply([{"a": 1}, 2]), "page 1, row 2 of it: no object"),
        ({}, Reply([{"a": 1}, {"a": "x"}]), "page 1, row 2, column 'a': a text value, but the rows before hold number"),
        ({}, Reply([{"a": [1]}]), "page 1, row 1, column 'a': [1] is no single value"),
        ({}, Reply([]), "there are no rows"),
        ({}, Reply({"error": "no such thing"}, 404), "answered with status 404"),
        (
            {"paging": {"by": "next", "field": "next"}, "items": "r"},
            Reply({"r": [{"a": 1}], "next": "/"}),
            "in circles",
        ),
        ({"paging": {"by": "page", "maxPages": 3}}, Reply([{"a": 1}]), "more than 3 pages"),
    ],
)
def test_a_wrong_answer_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: dict[str, Any], reply: Reply, message: str
) -> None:
    with serving(lambda *_: reply) as api:
        assert fetch(tmp_path / "out", {"http": {"url": api.url + "/", **source}}) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_headers_go_to_the_host_they_are_for_and_into_no_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda *_: Reply({"token": "hunter22", "no": "list"}, 400)) as other:

        def to_other(path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
            return Reply([{"a": 1}], headers={"Link": f'<{other.url}/2?key=topsecret>; rel="next"'})

        with serving(to_other) as api:
            source = {"url": f"{api.url}/1?key=topsecret", "headers": {"Authorization": "Bearer hunter22"}}
            assert fetch(tmp_path / "out", {"http": {**source, "paging": {"by": "link"}}}) == 1
            assert api.requests[0][2]["authorization"] == "Bearer hunter22"
        assert "authorization" not in other.requests[0][2]
    error = capsys.readouterr().err
    assert "status 400" in error
    assert "topsecret" not in error


def test_objects_inside_rows_become_columns_and_late_columns_reach_the_first_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", 2)
    answer = [{"a": {"b": number}, "late": "x" if number > 2 else None} | ({"new": True} if number == 4 else {})
              for number in range(5)]  # fmt: skip
    with serving(lambda *_: Reply(answer)) as api:
        assert fetch(tmp_path / "out", {"http": {"url": api.url}}) == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    table = read(tmp_path / "out")
    assert table.column("a.b").values.tolist() == [0, 1, 2, 3, 4]
    assert table.column("late").values.tolist() == ["", "", "", "x", "x"]
    assert table.column("new").values.tolist() == ["", "", "", "", "true"]


def test_a_file_at_an_address_is_kept_as_it_is(tmp_path: Path) -> None:
    content = b"a,b\n1,x\n2,y\n"
    cut = iter([4])
    with serving(lambda *_: Reply(content, cut=next(cut, None))) as api:
        assert ingest.main(["--source", f"{api.url}/some.csv?v=1", "--output", str(tmp_path / "out")], {}) == 0
    assert (tmp_path / "out" / "data.csv").read_bytes() == content


def database(folder: Path) -> Path:
    file = folder / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE sales (id INTEGER, day DATE, amount NUMERIC, note TEXT, raw BLOB)")
        connection.executemany(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?)",
            [(n, f"2024-01-{n % 28 + 1:02d}", n / 2, None if n % 3 else "ü", b"\x00") for n in range(12_345)],
        )
    connection.close()
    return file


def test_a_query_is_streamed_into_parts_of_one_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 5000)
    source = {"url": f"sqlite:///{database(tmp_path)}", "query": "SELECT id, day, amount, note FROM sales ORDER BY id"}
    assert fetch(tmp_path / "out", {"sql": source}) == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    table = read(tmp_path / "out")
    assert [(column.name, column.kind) for column in table.columns] == [
        ("id", "number"), ("day", "date"), ("amount", "number"), ("note", "string")
    ]  # fmt: skip
    assert len(table) == 12_345
    assert table.column("amount").values[-1] == 6172.0
    assert table.column("note").values[:2].tolist() == ["ü", ""]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT amuont FROM sales", "the database refused: no such column: amuont"),
        ("SELECT id, amount AS id FROM sales", "gives the column 'id' twice"),
        ("SELECT raw FROM sales", "row 1, column 'raw': binary data"),
        ("SELECT id FROM sales WHERE id < 0", "there are no rows"),
        ("DELETE FROM sales", "the query gives no rows"),
    ],
)
def test_a_wrong_query_is_one_line_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], query: str, message: str
) -> None:
    file = database(tmp_path)
    assert fetch(tmp_path / "out", {"sql": {"url": f"sqlite:///{file}", "query": query}}) == 1
    assert message in capsys.readouterr().err
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM sales").fetchone() == (12_345,)
    connection.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no-address", "the address of the database is none"),
        ("nosuchdb://u:hunter22@h/d", "the driver 'nosuchdb' of the database is not installed"),
        ("postgresql+psycopg://u:hunter22@h/d", "the driver 'psycopg' of the database is not installed"),
        ("sqlite:////no/such/file.db", "there is no database file"),
    ],
)
def test_a_wrong_database_is_one_line_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    assert fetch(tmp_path / "out", {"sql": {"url": url, "query": "SELECT 1"}}) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "hunter22" not in error


def test_a_folder_that_is_not_empty_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("mine")
    assert ingest.main(["--source", "http://127.0.0.1:1/", "--output", str(tmp_path)], {}) == 1
    assert "is not empty" in capsys.readouterr().err


def test_secrets_are_masked_in_any_message() -> None:
    source = {"http": {"url": "https://u:passw0rd@host/a?token=abcdef", "headers": {"X-Key": "12345678"}}}
    said = ingest.masked("https://u:passw0rd@host/a?token=abcdef\nfailed: passw0rd abcdef 12345678", source)
    assert not {"passw0rd", "abcdef", "12345678"} & set(said.replace(":", " ").replace("@", " ").split())
    assert "\n" not in said


def test_links_and_queries_are_understood() -> None:
    links = parse_links('<https://h/a?x=1,2>; title="a, b"; rel="next", <b>; REL=last')
    assert links == {"next": "https://h/a?x=1,2", "last": "b"}
    assert with_query("http://h/p?a=1&b=", {"a": "2"}) == "http://h/p?b=&a=2"
    with pytest.raises(TrainingError, match="is no address of a next page"):
        next_page({"by": "next", "field": "n"}, "http://h", {}, {"n": 3}, 1, 1)
