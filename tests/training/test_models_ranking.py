"""Recommendation: what is learned, how it is measured, and what an artifact of it answers."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from training_support import KIT, RunTraining

from mooring_transforms.recommender import Recommender
from serving.predictor import Predictor
from training.data.read import read
from training.errors import TrainingError
from training.evaluate import main as evaluate
from training.options import parse_options
from training.ranking.interactions import hold_out, interactions
from training.ranking.metrics import averaged, of_user
from training.ranking.workflow import factorisation

RATINGS = KIT / "data" / "ratings.csv"
ARGUMENTS = ("--task", "ranking", "--user", "user", "--item", "film", "--target", "stars")


def test_metrics_of_a_hand_worked_case() -> None:
    found = of_user(["a", "x", "b", "y"], {"a", "b", "c"}, 4)
    assert found["precision_at_k"] == 2 / 4
    assert found["recall_at_k"] == 2 / 3
    assert found["map_at_k"] == pytest.approx((1 / 1 + 2 / 3) / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert found["ndcg_at_k"] == pytest.approx((1 + 1 / 2) / ideal)
    assert averaged([["x"], ["a"]], [{"a"}, {"a"}], 1)["hit_rate_at_k"] == 0.5


def test_the_model_beats_what_is_popular_and_its_metrics_can_be_recomputed(
    train_here: RunTraining, tmp_path: Path
) -> None:
    done = train_here(RATINGS, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "model"
    metrics = json.loads((folder / "metrics.json").read_text())
    details = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    assert metrics["ndcg_at_k"] > 1.5 * details["most_popular"]["ndcg_at_k"]
    with (folder / "evaluation" / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    hits: dict[str, list[bool]] = {}
    for row in rows:
        if float(row["weight"]) >= details["liked_from"]:
            hits.setdefault(row["user"], []).append(bool(row["rank"]))
    recall = sum(sum(found) / len(found) for found in hits.values()) / len(hits)
    assert metrics["recall_at_k"] == pytest.approx(recall)


def test_items_that_a_user_chose_are_not_offered_again_and_strangers_get_popular_ones(
    train_here: RunTraining, tmp_path: Path
) -> None:
    assert train_here(RATINGS, *ARGUMENTS, "--top_k", "5").returncode == 0
    model = Predictor(tmp_path / "model")
    with RATINGS.open() as stream:
        rows = list(csv.DictReader(stream))
    with (tmp_path / "model" / "evaluation" / "predictions.csv").open() as stream:
        held = {(row["user"], row["item"]) for row in csv.DictReader(stream)}
    known, stranger = model.predict([{"user": "user003", "k": 80}, {"user": "nobody", "k": 3}]).values
    learnt = {row["film"] for row in rows if row["user"] == "user003"} - {
        film for who, film in held if who == "user003"
    }
    assert not learnt & {entry["item"] for entry in known}
    scores = [entry["score"] for entry in known]
    assert scores == sorted(scores, reverse=True)
    assert len(stranger) == 3
    counts = {film: sum(row["film"] == film and (row["user"], film) not in held for row in rows) for film in
              {row["film"] for row in rows}}  # fmt: skip
    assert counts[stranger[0]["item"]] == max(counts.values())


def test_a_missing_k_is_that_of_training() -> None:
    users, items = np.repeat([f"u{at}" for at in range(6)], 4), np.tile([f"i{at}" for at in range(8)], 3)
    options = parse_options({"task": "ranking", "user": "u", "item": "i"})
    table = type("Choices", (), {"users": users, "items": items})()
    model = Recommender(factorisation(options, table), 2).fit(users, items, np.ones(24))  # type: ignore[arg-type]
    (found,) = model.predict(np.array([[np.nan, "u1"]], dtype=object))
    assert len(found) == 2


def test_every_user_keeps_something_to_learn_from() -> None:
    options = parse_options({"task": "ranking", "user": "user", "item": "film", "target": "stars"})
    found = interactions(read(RATINGS), options)
    train, test = hold_out(found, 0.5, 0)
    assert len(train) + len(test) == len(found)
    assert set(test.users.tolist()) <= set(train.users.tolist())
    again = hold_out(found, 0.5, 0)[1]
    assert again.rows.tolist() == test.rows.tolist()


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("user,film\na,x\nb,y\n", ["--user", "usr"], "--user names 'usr', no such column (did you mean 'user'?)"),
        ("user,film\na,x\nb,y\n", [], "no user has two interactions"),
        ("user,film\na,x\na,\n", [], "column 'film' has no value in row 2"),
        ("user,film\na,x\na,y\n", ["--estimator", "NFM"], "'NFM' does not factorise choices"),
        ("user,film\na,x\na,y\n", ["--class_weight", "balanced"], "--class_weight does not fit --task ranking"),
        ("user,film,stars\na,x,good\na,y,bad\n", ["--target", "stars"], "are strings, not numbers"),
    ],
)
def test_what_cannot_be_ranked_is_one_line(
    train_here: RunTraining, tmp_path: Path, content: str, arguments: list[str], message: str
) -> None:
    data = tmp_path / "d.csv"
    data.write_text(content)
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    whole = {"--task": "ranking", "--user": "user", "--item": "film"} | given
    done = train_here(data, *(word for pair in whole.items() for word in pair))
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]


def test_training_twice_gives_one_digest(run_training: RunTraining, tmp_path: Path) -> None:
    from training.artifact.digest import tree_digest

    for model in ("1", "2"):
        done = run_training(RATINGS, *ARGUMENTS, "--estimator", "NMF", model=model, PYTHONHASHSEED=model)
        assert done.returncode == 0, done.stderr
    assert tree_digest(tmp_path / "1") == tree_digest(tmp_path / "2")


def test_an_unknown_parameter_of_the_factorisation_brings_the_near_one() -> None:
    options = parse_options({"task": "ranking", "user": "user", "item": "film", "n_component": "4"})
    with pytest.raises(TrainingError, match="did you mean 'n_components'"):
        factorisation(options, interactions(read(RATINGS), options))


def test_a_ranking_is_evaluated_on_the_choices_that_it_did_not_learn_from(
    train_here: RunTraining, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_here(RATINGS, *ARGUMENTS).returncode == 0
    model, out = tmp_path / "model", tmp_path / "out"
    assert evaluate([f"--model={model}", f"--input={RATINGS}", f"--output={out}"]) == 0
    held = json.loads((model / "metrics.json").read_text())
    assert json.loads((out / "metrics.json").read_text()) == pytest.approx(held)
    assert (out / "predictions.csv").read_text() == (model / "evaluation" / "predictions.csv").read_text()
    assert "learned from are left out" in (out / "report.html").read_text()
    data = tmp_path / "new.jsonl"
    for row, option, message in (
        ({"user": "user003", "stars": 5}, "", "--item names 'film', no such column (one of: user, stars)"),
        ({"user": "user003", "film": "new", "stars": 5}, "--target=star", "--target names 'star', no such column (did"),
        ({"user": "user003", "film": "new", "stars": 0}, "", "no choice is rated"),
        ({"user": "user003", "film": "new", "stars": 5}, "--slices=user", "--slices does not fit a ranking"),
    ):
        data.write_text(json.dumps(row) + "\n")
        capsys.readouterr()
        assert evaluate([f"--model={model}", f"--input={data}", f"--output={out}", *filter(None, [option])]) == 1
        assert message in capsys.readouterr().err


def test_a_ranking_reads_its_own_columns_only_and_names_a_wrong_one_by_its_option(
    train_here: RunTraining, tmp_path: Path
) -> None:
    data = tmp_path / "d.csv"
    pairs = [f"{user};{item};{1 + (user + item) % 5};;{'?' if item else 1}" for user in range(9) for item in range(6)]
    data.write_text("user;film;stars;empty;mixed\n" + "\n".join(pairs) + "\n")
    assert train_here(data, *ARGUMENTS, "--delimiter", ";").returncode == 0
    for option, name, wrong in (("user", "user", "usr"), ("item", "film", "flim"), ("target", "stars", "star")):
        given = [wrong if word == name and ARGUMENTS[at - 1] == f"--{option}" else word for at, word in
                 enumerate(ARGUMENTS)]  # fmt: skip
        done = train_here(data, *given)
        assert f"d.csv: --{option} names '{wrong}', no such column (did you mean '{name}'?)" in done.stderr
    data.write_text("user,film,stars\n" + "".join(f"a,{at},{at or 'good'}\n" for at in range(20)))
    told = train_here(data, *ARGUMENTS).stderr.strip().splitlines()[-1]
    assert told.endswith("'good' is not a number, but 19 of 20 values are; correct it")
