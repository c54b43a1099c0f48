"""Splits, cross-validation, weights, early stopping, estimators within estimators, warnings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_support import IRIS, KIT, RunTraining

from training import pipeline
from training.data.read import read
from training.errors import TrainingError
from training.estimators.estimators import load_estimator, make_estimator
from training.options import EarlyStopping, SplitRule, parse_options
from training.pipeline import Split

DIABETES = KIT / "data" / "diabetes.csv"


def table(tmp_path: Path, rows: int = 200) -> Path:
    random = np.random.default_rng(0)
    x, z = random.standard_normal(rows), random.standard_normal(rows)
    lines = [
        f"{a:.4f},{b:.4f},p{at % 17},2024-01-{at % 28 + 1:02d},{at % 5},{'rare' if a + b > 1.2 else 'usual'}"
        for at, (a, b) in enumerate(zip(x, z, strict=True))
    ]
    path = tmp_path / "d.csv"
    path.write_text("x,z,patient,day,importance,y\n" + "\n".join(lines) + "\n")
    return path


def split_of(path: Path, **options: str) -> Split:
    return pipeline.prepare(read(path), parse_options({"target": "y", **options}))


def test_no_group_is_on_both_sides_nor_a_feature(tmp_path: Path) -> None:
    path = table(tmp_path)
    split = split_of(path, split="group:patient", cross_validation="3")
    patients = read(path).column("patient").values
    learnt, held = (set(patients[rows.row_numbers].tolist()) for rows in (split.train, split.test))
    assert learnt
    assert held
    assert not learnt & held
    assert "patient" not in split.train.names
    for learn, test in split.folds:
        of = patients[split.train.row_numbers]
        assert not set(of[learn].tolist()) & set(of[test].tolist())


def test_what_is_held_out_is_later_than_all_that_is_learned_from(tmp_path: Path) -> None:
    split = split_of(table(tmp_path), split='{"type": "time", "column": "day"}', cross_validation="3")
    days = split.train.column("day").values
    assert days.max() < split.test.column("day").values.min()
    assert 0.1 < len(split.test) / 200 < 0.3
    assert all(days[learn].max() < days[held].min() for learn, held in split.folds)


def test_a_stratified_split_keeps_the_shares_of_the_classes(tmp_path: Path) -> None:
    split = split_of(table(tmp_path))
    shares = [(target == "rare").mean() for target in (split.train_target, split.test_target)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "stratfied"}, "--split: 'stratfied' is unknown (did you mean 'stratified'?)"),
        ({"split": "group"}, "group needs a column"),
        ({"split": "random:x"}, "random takes no column"),
        ({"split": "group:pateint"}, "no column 'pateint' (did you mean 'patient'?)"),
        ({"split": "time:patient"}, "column 'patient', row 1: 'p0' is not an ISO 8601 date"),
        ({"split": "time:y"}, "is the target"),
        ({"cross_validation": "1"}, "not a whole number of at least 2"),
        ({"class_weight": "heavy"}, "neither 'balanced' nor weights by class"),
        ({"class_weight": '{"rara": 2, "usual": 1}'}, "there is no class 'rara' (did you mean 'rare'?)"),
        ({"class_weight": '{"rare": 2}'}, "no weight for 'usual'"),
        ({"class_weight": "balanced", "estimator": "KNeighborsClassifier"}, "takes no weights"),
        ({"sample_weight": "importanc"}, "no column 'importanc' in the data (did you mean 'importance'?)"),
        ({"sample_weight": "patient"}, "is no weight"),
        ({"early_stopping": "true"}, "RandomForestClassifier has none"),
        ({"early_stopping": '{"round": 3}'}, "unknown key 'round' (did you mean 'rounds'?)"),
        ({"task": "ranking"}, "--user is missing"),
        ({"user": "patient"}, "--user fits --task ranking only"),
    ],
)
def test_options_that_do_not_fit_are_one_clear_line(tmp_path: Path, options: dict[str, str], message: str) -> None:
    path = table(tmp_path)
    with pytest.raises(TrainingError) as caught:
        pipeline.fit(split_of(path, **options), {}, 0)
    assert message in str(caught.value)


def test_class_weights_do_not_fit_quantities() -> None:
    options = parse_options({"target": "progression", "class_weight": "balanced"})
    with pytest.raises(TrainingError, match="--class_weight fits classification"):
        pipeline.prepare(read(DIABETES), options)


@pytest.mark.parametrize("estimator", ["LogisticRegression", "GradientBoostingClassifier", "xgboost.XGBClassifier"])
def test_a_heavy_class_is_predicted_more_often(tmp_path: Path, estimator: str) -> None:
    def predicted(**options: str) -> int:
        split = split_of(table(tmp_path), estimator=estimator, drop="patient,day", **options)
        model = pipeline.fit(split, {"n_estimators": "5"} if "Boost" in estimator or "XGB" in estimator else {}, 0)
        return int((model.predict(pipeline.matrix(split.test)) == "rare").sum())

    assert predicted(class_weight='{"rare": 50, "usual": 1}') > predicted()


def test_rows_of_weight_zero_teach_nothing(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,w,y\n" + "1,1,a\n1,0,b\n1,0,b\n2,1,b\n" * 20)
    split = split_of(path, estimator="DecisionTreeClassifier", sample_weight="w")
    assert split.train.names == ["x"]
    assert pipeline.fit(split, {}, 0).predict([[1.0], [2.0]]).tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("estimator", "trees"),
    [
        ("HistGradientBoostingRegressor", lambda model: model.n_iter_),
        ("GradientBoostingRegressor", lambda model: model.n_estimators_),
        ("xgboost.XGBRegressor", lambda model: model.best_iteration + 1),
        ("lightgbm.LGBMRegressor", lambda model: model.best_iteration_),
    ],
)
def test_training_stops_early_where_nothing_is_gained(estimator: str, trees: Any) -> None:
    options = {"target": "progression", "estimator": estimator, "early_stopping": "3"}
    split = pipeline.prepare(read(DIABETES), parse_options(options))
    model = pipeline.fit(split, {"max_iter" if "Hist" in estimator else "n_estimators": "400"}, 0)
    assert 1 <= trees(model.steps[-1][1]) < 400


def test_cross_validation_gives_mean_and_deviation_of_every_metric(train_here: RunTraining, tmp_path: Path) -> None:
    done = train_here(IRIS, "--target", "species", "--n_estimators", "10", "--cross_validation", "3")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "model-metrics.json").read_text())
    assert 0.8 < metrics["cv_accuracy"] <= 1
    assert 0 <= metrics["cv_accuracy_std"] < 0.2
    folds = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("fold ")]
    assert len(folds) == 3
    assert metrics["cv_accuracy"] == pytest.approx(sum(folds) / 3, abs=1e-4)


def test_boosted_trees_are_reproducible_and_served_as_onnx(run_training: RunTraining, tmp_path: Path) -> None:
    from training.artifact.digest import tree_digest

    for estimator in ("xgboost.XGBClassifier", "lightgbm.LGBMClassifier"):
        for model in ("1", "2"):
            arguments = ("--target", "species", "--estimator", estimator, "--n_estimators", "8")
            done = run_training(IRIS, *arguments, model=estimator + model, PYTHONHASHSEED=model)
            assert done.returncode == 0, done.stderr
        assert tree_digest(tmp_path / f"{estimator}1") == tree_digest(tmp_path / f"{estimator}2")
        assert json.loads((tmp_path / f"{estimator}1" / "mooring-model.json").read_text())["serve"] == "onnx"


def test_estimators_within_estimators_take_parameters() -> None:
    parameters = {"base_estimator": "sklearn.tree.DecisionTreeClassifier", "base_estimator__max_depth": "2"}
    model = make_estimator(load_estimator("sklearn.ensemble.AdaBoostClassifier"), parameters, 5)
    assert (type(model.estimator).__name__, model.estimator.max_depth, model.estimator.random_state) == (
        "DecisionTreeClassifier", 2, 5,
    )  # fmt: skip
    members = (
        '{"tree": "DecisionTreeClassifier", "line": {"estimator": "LogisticRegression", "parameters": {"C": "2"}}}'
    )
    vote = make_estimator(load_estimator("VotingClassifier"), {"estimators": members, "tree__max_depth": "3"}, 0)
    assert [
        (name, member.get_params()["C" if name == "line" else "max_depth"]) for name, member in vote.estimators
    ] == [
        ("tree", 3),
        ("line", 2),
    ]


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        ("VotingClassifier", {}, "needs the parameter 'estimators'"),
        ("AdaBoostClassifier", {"base_estimator": "Desicion"}, "there is no 'Desicion'"),
        ("BaggingClassifier", {"base_estimator__max_dept": "1"}, "did you mean 'estimator__max_depth'"),
    ],
)
def test_wrong_inner_estimators_are_told(estimator: str, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        make_estimator(load_estimator(estimator), parameters, 0)
    assert message in str(caught.value)


def test_leaks_constants_and_identifiers_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    random = np.random.default_rng(1)
    lines = [
        f"{at},{name},{3 if name == 'yes' else 7},9,{number:.3f},{name}"
        for at, (name, number) in enumerate(zip(random.choice(["yes", "no"], 90), random.random(90), strict=True))
    ]
    path.write_text("id,copy,code,same,noise,y\n" + "\n".join(lines) + "\n")
    said: list[str] = []
    pipeline.prepare(read(path), parse_options({"target": "y"}), said.append)
    told = {line.split("'")[1]: line for line in said if line.startswith("warning: ")}
    assert set(told) == {"id", "copy", "code", "same"}
    assert "'copy' equals 'y': it may leak" in told["copy"]
    assert "'code' perfectly determines 'y'" in told["code"]
    assert "one value only" in told["same"]
    assert "identifies rows" in told["id"]


def test_a_target_in_other_units_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    celsius = np.random.default_rng(1).normal(20, 5, 60).round(2)
    path.write_text("f,y\n" + "\n".join(f"{value * 1.8 + 32:.6f},{value}" for value in celsius) + "\n")
    said: list[str] = []
    pipeline.prepare(read(path), parse_options({"target": "y"}), said.append)
    assert any("'f' is an exact linear function of 'y'" in line for line in said)


def test_options_are_read_from_text() -> None:
    options = parse_options(
        {"target": "y", "split": "time:day", "early_stopping": "true", "drop": '["a,b"]', "class_weight": "balanced"}
    )
    assert options.split == SplitRule("time", "day")
    assert options.early_stopping == EarlyStopping(10, 0.1)
    assert (options.drop, options.class_weight) == (("a,b",), "balanced")
