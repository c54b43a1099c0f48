"""rollback and promote: which version, what is written, and what happens when the update fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_fakes import DIGEST_1, DIGEST_2, Bench, deployed, make_bench, resource

from infra.engine.api import Options, Result
from mooring.cli import exits
from providers.errors import ConflictError
from providers.values import ModelVersionState

DIGEST_3 = "sha256:" + "3" * 64
VERSIONS = [
    ModelVersionState(version=number, digest=digest, uri=f"local://iris@{digest}")
    for number, digest in ((1, DIGEST_1), (2, DIGEST_2), (3, DIGEST_3))
]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    made = make_bench(tmp_path / "p", monkeypatch, capsys)
    made.engine.resources = deployed()
    monkeypatch.setattr("mooring.live.versions", lambda found, model: VERSIONS)
    return made


def test_rollback_pins_the_version_before_the_served_one_and_updates_the_endpoint_alone(bench: Bench) -> None:
    ran = bench.run("rollback", "--yes")
    assert ran.code == exits.OK
    assert DIGEST_1 in bench.file.read_text()
    assert "# the model" in bench.file.read_text()
    verb, options = bench.engine.calls[0]
    assert verb == "up"
    assert options.targets == (bench.engine.resources[-1]["urn"],)


@pytest.mark.parametrize("word", ["3", "v3", DIGEST_3, DIGEST_3[:19], "333333"])
def test_rollback_to_a_version_takes_its_number_or_its_digest(bench: Bench, word: str) -> None:
    assert bench.run("rollback", "--yes", "--to", word).code == exits.OK
    assert DIGEST_3 in bench.file.read_text()


def test_a_version_that_does_not_exist_is_an_error_that_lists_those_that_do(bench: Bench) -> None:
    before = bench.file.read_text()
    ran = bench.run("rollback", "--yes", "--to", "9")
    assert ran.code == exits.FAILED
    assert "v1 (sha256:1111" in ran.err
    assert bench.file.read_text() == before


def test_a_rollback_whose_update_fails_puts_the_stack_file_back(bench: Bench) -> None:
    before = bench.file.read_bytes()
    bench.engine.results["up"] = Result(errors=["the server did not start"])
    ran = bench.run("rollback", "--yes")
    assert ran.code == exits.FAILED
    assert "did not start" in ran.err
    assert bench.file.read_bytes() == before


def test_a_rollback_that_the_engine_refuses_puts_the_stack_file_back(bench: Bench) -> None:
    before = bench.file.read_bytes()
    bench.engine.raises = ConflictError("held by pid 7")
    assert bench.run("rollback", "--yes").code == exits.FAILED
    assert bench.file.read_bytes() == before


def test_clear_releases_the_pin_and_a_second_one_has_nothing_to_do(bench: Bench) -> None:
    before = bench.file.read_text()
    bench.run("rollback", "--yes")
    assert bench.run("rollback", "--clear", "--yes").code == exits.OK
    assert bench.file.read_text() == before
    again = bench.run("rollback", "--clear", "--yes")
    assert again.code == exits.OK
    assert "no pin" in again.err
    assert bench.engine.verbs() == ["up", "up"]


def test_rollback_of_the_first_version_says_there_is_none_before(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mooring.live.versions", lambda found, model: VERSIONS[1:])
    ran = bench.run("rollback", "--yes")
    assert ran.code == exits.FAILED
    assert "no version before v2" in ran.err


def test_with_several_endpoints_the_one_must_be_said(bench: Bench) -> None:
    bench.engine.resources.append(resource("Endpoint", "other", outputs={"deployments": []}))
    ran = bench.run("rollback", "--yes")
    assert ran.code == exits.FAILED
    assert "--endpoint: iris, other" in ran.err


def test_rollback_of_an_emulated_stack_pins_it_in_its_copy_alone(bench: Bench) -> None:
    before = bench.file.read_text()
    assert bench.run("rollback", "--yes", "--emulate").code == exits.OK
    assert bench.file.read_text() == before
    for verb in ("preview", "status"):  # each of which makes the copy anew from the stack's file
        shown = bench.run(verb, "--emulate").out
        assert f"pinned: endpoint iris serves iris {DIGEST_1[:19]}" in shown
        assert "--stack local --emulate` releases it" in shown
        assert "pinned" not in bench.run(verb).out
    assert bench.run("rollback", "--clear", "--yes", "--emulate").code == exits.OK
    assert "pinned" not in bench.run("preview", "--emulate").out


def test_the_pins_of_a_stack_are_not_those_of_its_emulation(bench: Bench) -> None:
    bench.run("rollback", "--yes")
    assert "pinned" in bench.run("preview").out
    assert "pinned" not in bench.run("preview", "--emulate").out


@pytest.fixture
def prod(bench: Bench) -> Path:
    file = bench.file.with_name("Pulumi.prod.yaml")
    file.write_text(bench.file.read_text())
    return file


def test_promote_writes_digest_and_address_into_the_other_stack_and_deploys_nothing(bench: Bench, prod: Path) -> None:
    ran = bench.run("promote", "iris", "--from", "local", "--to", "prod", "--yes", "--json")
    assert ran.code == exits.OK
    assert ran.json()["digest"] == DIGEST_2
    assert ran.json()["next"] == "mooring up --stack prod"
    import yaml

    model: dict[str, Any] = yaml.safe_load(prod.read_text())["config"]["mooring:models"]["iris"]
    assert model == {
        "promoted": {"stack": "local", "model": "iris", "digest": DIGEST_2, "uri": f"local://iris@{DIGEST_2}"}
    }
    assert bench.engine.calls == []


def test_promote_takes_what_is_served_not_what_was_trained_last(bench: Bench, prod: Path) -> None:
    bench.engine.resources[3]["outputs"] |= {"digest": DIGEST_3, "version": 3.0}
    assert (
        bench.run("promote", "iris", "--from", "local", "--to", "prod", "--yes", "--json").json()["digest"] == DIGEST_2
    )
    told = bench.run("promote", "iris", "--from", "local", "--to", "prod", "--version", "3", "--yes", "--json")
    assert told.json()["digest"] == DIGEST_3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["iris", "--from", "local", "--to", "local"], "same stack"),
        (["iris", "--from", "local", "--to", "prd"], "did you mean 'prod'?"),
        (["rose", "--from", "local", "--to", "prod"], "has no version"),
    ],
)
def test_a_wrong_promotion_is_one_clear_error_and_changes_nothing(
    bench: Bench, prod: Path, words: list[str], expected: str
) -> None:
    before = prod.read_bytes()
    ran = bench.run("promote", *words, "--yes")
    assert ran.code == exits.FAILED
    assert expected in ran.err
    assert prod.read_bytes() == before


def test_the_message_of_a_rollback_is_in_the_history(bench: Bench) -> None:
    bench.run("rollback", "--yes")
    options: Options = bench.engine.calls[0][1]
    assert options.message.startswith("rollback: iris v1")


def test_rollback_in_a_script_asks_nobody_because_one_more_command_takes_it_back(bench: Bench) -> None:
    assert bench.run("rollback").code == exits.OK
    assert bench.run("rollback", "--clear").code == exits.OK
