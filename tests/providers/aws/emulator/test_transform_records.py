"""Records of transform jobs: payloads, JSONPath expressions, filters and joins."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker.transform.batches import BadObject, assembled, payloads
from providers.aws.emulator.sagemaker.transform.data_processing import BadRecords, DataProcessing
from providers.aws.emulator.sagemaker.transform.manner import manner, variables
from providers.aws.emulator.sagemaker.transform.paths import PathError, parse

LINES, CSV, JSON = "application/jsonlines", "text/csv", "application/json"
RECORD = {"id": 7, "features": {"x": [1, 2, 3], "a-b": 4}, "name": "n"}


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("$", RECORD, RECORD),
        ("$.id", RECORD, 7),
        ("$['id']", RECORD, 7),
        ('$["name"]', RECORD, "n"),
        ("$.features.x", RECORD, [1, 2, 3]),
        ("$.features['a-b']", RECORD, 4),
        ("$.features.a-b", RECORD, 4),
        ("$['id', 'name']", RECORD, {"id": 7, "name": "n"}),
        ("$.features.x[1:]", RECORD, [2, 3]),
        ("$.features.*", RECORD, [[1, 2, 3], 4]),
        ("$[0]", ["a", "b"], "a"),
        ("$[-1]", ["a", "b"], "b"),
        ("$[0,-1]", ["a", "b", "c"], ["a", "c"]),
        ("$[0,2:]", ["a", "b", "c", "d"], ["a", "c", "d"]),
        ("$[:2]", ["a", "b", "c"], ["a", "b"]),
        ("$[-2:]", ["a", "b", "c"], ["b", "c"]),
        ("$[*]", ["a", "b"], ["a", "b"]),
    ],
)
def test_an_expression_selects(expression: str, value: Any, expected: Any) -> None:
    assert parse(expression).of(value) == expected


@pytest.mark.parametrize("expression", ["", "id", "$.", "$[", "$[]", "$[a]", "$..x", "$[?(@.x)]", "$['a]", "$[1:2:3]"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(PathError):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "value"), [("$.absent", RECORD), ("$[5]", [1]), ("$[0]", RECORD), ("$.id", [1]), ("$.*", 1)]
)
def test_what_a_record_has_not_is_told(expression: str, value: Any) -> None:
    with pytest.raises(PathError):
        parse(expression).of(value)


def test_lines_fill_a_payload_up_to_its_size() -> None:
    data = b"aaaa\nbbbb\n\ncccc\r\ndd"
    assert list(payloads(data, "Line", "MultiRecord", 9)) == [b"aaaa\nbbbb", b"cccc\r\ndd"]
    assert list(payloads(data, "Line", "MultiRecord", 0)) == [b"aaaa\nbbbb\ncccc\r\ndd"]
    assert list(payloads(data, "Line", "SingleRecord", 9)) == [b"aaaa", b"bbbb", b"cccc\r", b"dd"]
    assert list(payloads(b"\n", "Line", "MultiRecord", 9)) == []
    with pytest.raises(BadObject, match="Too much data for max payload size"):
        list(payloads(data, "Line", "MultiRecord", 3))


def test_an_object_that_is_not_split_is_one_payload() -> None:
    assert list(payloads(b"a\nb", "None", "MultiRecord", 3)) == [b"a\nb"]
    assert list(payloads(gzip.compress(b"a\nb"), "Line", "SingleRecord", 3, "Gzip")) == [b"a", b"b"]
    with pytest.raises(BadObject, match="Too much data"):
        list(payloads(b"a\nb", "None", "MultiRecord", 2))
    with pytest.raises(BadObject, match="Failed to decompress"):
        list(payloads(b"plain", "None", "MultiRecord", 0, "Gzip"))


def test_answers_are_put_together() -> None:
    assert assembled([b"a", b"b\n", b"c"], with_lines=True) == b"a\nb\nc\n"
    assert assembled([b"a", b"b\n", b"c"], with_lines=False) == b"ab\nc"
    assert assembled([], with_lines=True) == b""


def processing(content_type: str, **given: str) -> DataProcessing:
    """Of a request with lines."""
    return DataProcessing.of(
        {
            "DataProcessing": given,
            "TransformInput": {"ContentType": content_type, "SplitType": "Line"},
            "TransformOutput": {"AssembleWith": "Line"},
        }
    )


def test_nothing_is_read_where_nothing_is_to_be_done() -> None:
    whole = processing("image/png", InputFilter="$", OutputFilter="$", JoinSource="None")
    assert whole.payload(b"\x89PNG\xff") == b"\x89PNG\xff"
    assert whole.result(b"\x89PNG\xff", b"\x00\xff", "application/octet-stream") == b"\x00\xff"


def test_columns_with_commas_stay_whole() -> None:
    done = processing(CSV, InputFilter="$[1:]", JoinSource="Input")
    given = b'"a, b",1,2\nc,3,4'
    assert done.payload(given) == b"1,2\n3,4"
    assert done.result(given, b"0.5\n0.25\n", CSV) == b'"a, b",1,2,0.5\nc,3,4,0.25'


def test_one_column_is_a_line() -> None:
    assert processing(CSV, OutputFilter="$[0]").result(b"", b"1,2\n3,4", CSV) == b"1\n3"


def test_what_is_no_object_is_joined_under_names() -> None:
    done = processing(LINES, JoinSource="Input")
    assert json.loads(done.result(b"[1, 2]", b'["a"]', LINES)) == {"SageMakerInput": [1, 2], "SageMakerOutput": ["a"]}
    assert json.loads(done.result(b'{"SageMakerOutput": 1, "x": "\xc3\xb6"}', b"2", JSON)) == {
        "SageMakerOutput": 2,
        "x": "ö",
    }


@pytest.mark.parametrize(
    ("given", "answer", "kind", "words"),
    [
        (b'{"a": 1}', b"1\n2", LINES, "1 records were sent, and the algorithm answered 2"),
        (b'{"a": 1}', b"1", CSV, "Cannot join input of application/jsonlines with output of text/csv"),
        (b'{"a": 1}', b"1", "image/png", "Failed to parse output from the algorithm: its content type is 'image/png'"),
        (b'{"a": 1}', b"{", LINES, "Failed to parse output from the algorithm as JSON Lines"),
        (b'{"a": 1', b"1", LINES, "Failed to parse input as JSON Lines"),
    ],
)
def test_what_cannot_be_joined_is_told(given: bytes, answer: bytes, kind: str, words: str) -> None:
    with pytest.raises(BadRecords, match=words):
        processing(LINES, JoinSource="Input").result(given, answer, kind)


def test_a_filter_needs_a_type_that_it_can_read() -> None:
    with pytest.raises(ApiError, match="the TransformInput has ''"):
        processing("", InputFilter="$[1:]")


def test_the_request_goes_before_the_model_and_both_before_the_defaults() -> None:
    asked = {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"}
    assert manner({}, {}).told == "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert manner({}, asked).told == "MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"
    own = {"MaxConcurrentTransforms": 3, "MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}
    assert manner(own, asked).told == "MaxConcurrentTransforms=3, MaxPayloadInMB=0, BatchStrategy=MULTI_RECORD"
    assert variables(own | {"Environment": {"A": "b"}}) == {
        "SAGEMAKER_BATCH": "true", "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3", "A": "b",
    }  # fmt: skip
