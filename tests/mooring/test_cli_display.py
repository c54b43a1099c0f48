"""What a person sees: the tree, progress, changed properties, symbols."""

from __future__ import annotations

import io

import pytest

from infra.engine.api import LogEvent, StepEvent
from mooring.display.board import Board, tree
from mooring.display.changes import changes_of
from mooring.display.live import LiveDisplay, progress_text, visible
from mooring.display.plain import PlainDisplay
from mooring.display.style import Style, coloured
from mooring.display.summary import count_line, duration
from mooring.display.values import ABSENT, UNKNOWN, at, brief, path_steps

STACK = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
PART = "urn:pulumi:s::p::mooring:infra:Training::iris"
OTHER = "urn:pulumi:s::p::mooring:infra:Training::iris-big"
RUN = "urn:pulumi:s::p::mooring:infra:Training$moor:index:TrainingRun::iris"
BIG = "urn:pulumi:s::p::mooring:infra:Training$moor:index:TrainingRun::iris-big"


def event(urn: str, op: str = "create", phase: str = "started", **more: object) -> StepEvent:
    return StepEvent(urn, urn.split("::")[2].rpartition("$")[2], urn.rpartition("::")[2], op, phase, **more)  # type: ignore[arg-type]


def board_of(*events: StepEvent | LogEvent) -> Board:
    now = iter(range(1000))
    board = Board(clock=lambda: float(next(now)))
    for one in events:
        board.add(one)
    return board


def test_children_stand_below_the_component_that_their_urn_and_name_tell() -> None:
    board = board_of(event(STACK), event(PART), event(OTHER), event(BIG), event(RUN))
    assert [(row.urn, depth) for row, depth in tree(board.rows())] == [
        (STACK, 0), (PART, 1), (RUN, 2), (OTHER, 1), (BIG, 2),
    ]  # fmt: skip


def test_unchanged_rows_are_hidden_but_not_the_parents_of_changed_ones() -> None:
    board = board_of(
        event(STACK, "same", "done"), event(PART, "same", "done"), event(OTHER, "same", "done"),
        event(BIG, "same", "done"), event(RUN, "update", "done"),
    )  # fmt: skip
    assert [row.urn for row, _ in visible(board.rows())] == [STACK, PART, RUN]


def test_the_steps_of_a_replacement_are_one_row_that_reads_replaced() -> None:
    board = board_of(
        event(RUN, "create-replacement", "started"), event(RUN, "create-replacement", "done"),
        event(RUN, "replace", "done"), event(RUN, "delete-replaced", "started"), event(RUN, "delete-replaced", "done"),
    )  # fmt: skip
    (row,) = board.rows()
    assert (row.op, row.phase) == ("replace", "done")


def test_progress_keeps_its_fraction_and_an_ephemeral_message_becomes_the_rows() -> None:
    board = board_of(
        event(RUN),
        event(RUN, phase="progress", message="epoch 3", fraction=0.5),
        LogEvent("info", "epoch 4", RUN, True),
    )
    (row,) = board.rows()
    assert row.message == "epoch 4"
    assert progress_text(row).endswith("50% epoch 4")


def test_plain_lines_have_pulumis_marks_and_say_progress_once() -> None:
    out = io.StringIO()
    with PlainDisplay(out) as display:
        for one in (
            event(RUN), event(RUN, phase="progress", message="epoch 1"),
            event(RUN, phase="progress", message="epoch 1"),
            LogEvent("warning", "mind"), LogEvent("debug", "never"), event(RUN, phase="done", seconds=1.25),
            event(PART), event(PART, phase="done"), event(BIG, "same", "done"),
        ):  # fmt: skip
            display.on_event(one)
    assert out.getvalue().splitlines() == [
        " +  moor:TrainingRun iris creating",
        "    TrainingRun iris: epoch 1",
        "    warning: mind",
        " +  moor:TrainingRun iris created (1.2s)",
    ]


def test_the_live_tree_leaves_its_last_picture_with_failures_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = io.StringIO()
    with LiveDisplay(out) as display:
        display.on_event(event(RUN))
        display.on_event(event(RUN, phase="failed", message="no"))
        display.on_event(event(BIG))
        display.on_event(event(BIG, phase="done"))
    picture = out.getvalue()
    assert "✗" in picture
    assert "creating failed" in picture
    assert "created" in picture


@pytest.mark.parametrize(
    ("path", "steps"),
    [("a.b[0]", ["a", "b", 0]), ('a["x.y"].z', ["a", "x.y", "z"]), ('["q\\"uote"]', ['q"uote']), ("[1][2]", [1, 2])],
)
def test_property_paths_are_read_as_pulumi_writes_them(path: str, steps: list[str | int]) -> None:
    assert path_steps(path) == steps


def test_values_at_a_path_and_masked_ones_hide_their_parts() -> None:
    assert at({"a": [{"b": 1}]}, "a[0].b") == 1
    assert at({"a": [1]}, "a[3]") is ABSENT
    assert at({"a": "[secret]"}, "a.b") == "[secret]"
    assert at({"a": 3}, "a.b.c") is ABSENT


def test_values_are_one_short_line() -> None:
    assert brief("sha256:" + "a" * 64) == '"sha256:aaaaaaaaaaaa…"'
    assert brief(UNKNOWN) == "(known after the deployment)"
    assert len(brief("x" * 500)) == 60
    assert brief("[secret]") == "[secret]"


def test_changes_without_detail_are_told_from_the_two_sides() -> None:
    step = StepEvent(
        RUN, "t", "n", "update", "done", diff=("a", "b", "c", "__defaults"), old={"a": 1, "b": 2}, new={"b": 3, "c": 4}
    )
    assert {change.path: change.kind for change in changes_of(step)} == {"a": "delete", "b": "update", "c": "add"}


def test_no_color_wins_over_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())


def test_counts_merge_the_steps_of_replacements() -> None:
    changes = {"create-replacement": 2, "replace": 2, "delete-replaced": 2, "same": 5}
    assert count_line(changes, Style(False), planned=True) == "Resources: +- 2 to replace, 5 unchanged"


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4s"), (12.2, "12s"), (192, "3m12s"), (59.8, "1m00s")])
def test_durations_read_naturally(seconds: float, text: str) -> None:
    assert duration(seconds) == text
