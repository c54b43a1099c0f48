"""`mooring train`: a model from a file, without a stack or a project."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from local_models import FAST, IRIS, KIT, Run, left_beside, runner

from mooring.cli import exits
from training.artifact.digest import tree_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MOORING_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return runner(capfd)


def test_training_a_file_writes_an_artifact_and_tells_its_metrics(run: Run, tmp_path: Path) -> None:
    told = run("train", "--data", IRIS, "--target", "species", *FAST, "--output", "models/iris", "--json").json()
    assert {"accuracy", "precision_macro", "recall_macro", "f1_macro"} <= told["metrics"].keys()
    assert told["metrics"] == json.loads((tmp_path / "models/iris/metrics.json").read_text())
    assert told["digest"] == tree_digest(tmp_path / "models/iris")
    assert (told["task"], told["target"], told["rows"]) == ("classification", "species", {"train": 120, "test": 30})
    assert told["classes"] == ["setosa", "versicolor", "virginica"]
    assert left_beside(tmp_path / "models/iris") == []


def test_training_twice_in_different_places_gives_one_digest(run: Run, tmp_path: Path) -> None:
    words = ("train", "--data", IRIS, "--target", "species", *FAST, "--seed", "3", "--json")
    (tmp_path / "elsewhere").mkdir()
    first = run(*words, "--output", "a").json()["digest"]
    assert run(*words, "--output", "elsewhere/b").json()["digest"] == first


def test_a_regression_tells_its_errors_and_the_summary_names_what_to_do_next(run: Run, tmp_path: Path) -> None:
    rows = [f"{x},{x % 7},{3 * x + x % 7}" for x in range(60)]
    (tmp_path / "r.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    said = run("train", "--data", "r.csv", "--target", "y", "--estimator", "LinearRegression", "--output", "m").out
    assert "LinearRegression predicts y (regression; 48 rows learnt from, 12 held out)" in said
    assert "  mae " in said
    assert "  r2 " in said
    assert "mooring predict --model m --input r.csv" in said
    assert "mooring inspect m" in said
    assert {"mae", "rmse", "r2"} <= json.loads((tmp_path / "m/metrics.json").read_text()).keys()


def test_nested_settings_reach_the_trainer_from_a_yaml_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("defaults:\n  number: {missing: mean}\n")
    run("train", "--data", IRIS, "--target", "species", *FAST, "--preprocessing", "p.yaml", "--output", "m")
    lineage = json.loads((tmp_path / "m/lineage.json").read_text())
    assert json.loads(lineage["hyperparameters"]["preprocessing"]) == {"defaults": {"number": {"missing": "mean"}}}


WRONG = [
    (("--target", "specis"), "the target column 'specis' is not in the data (did you mean 'species'?)"),
    (("--estimator", "RandomForrest"), "--estimator: there is no 'RandomForrest' in scikit-learn"),
    (("--param", "n_estimatrs=3"), "--param n_estimatrs: RandomForestClassifier has no such parameter"),
    (("--param", "target=x"), "--param target: this is no parameter of the estimator; use --target"),
    (("--param", "n_estimators"), "write it as name=value"),
    (("--option", "slice=a"), "--option slice: the trainer has no such option (did you mean 'slices'?)"),
    (("--test-size", "2"), "--test-size: '2.0' is not a share between 0 and 1"),
    (("--preprocessing", "{a: ["), "--preprocessing: neither JSON nor YAML"),
    (("--data", "iriss.csv"), "--data iriss.csv: no such file or folder"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=lambda value: " ".join(value)[:24] if value else "")
def test_what_cannot_work_is_one_line_and_leaves_nothing(
    run: Run, home: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    given = {"--data": str(IRIS), "--target": "species"} | {words[0]: words[1]}
    ran = run("train", *(word for pair in given.items() for word in pair), "--output", "m", expect=exits.FAILED)
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert list(home.glob("local/checkpoints/*")) == []


def test_without_a_target_the_command_line_is_wrong(run: Run) -> None:
    assert "--target" in run("train", "--data", IRIS, "--output", "m", expect=exits.USAGE).err


def test_a_folder_that_holds_something_is_replaced_by_force_alone_and_only_if_it_is_a_model(
    run: Run, tmp_path: Path
) -> None:
    words = ("train", "--data", IRIS, "--target", "species", *FAST, "--output")
    first = run(*words, "m", "--json").json()
    assert "the folder is not empty" in run(*words, "m", expect=exits.FAILED).err
    again = run(*words, "m", "--force", "--seed", "5", "--json").json()
    assert again["digest"] == tree_digest(tmp_path / "m") != first["digest"]
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/love.txt").write_text("dear")
    assert "something else than a model" in run(*words, "letters", "--force", expect=exits.FAILED).err
    assert (tmp_path / "letters/love.txt").read_text() == "dear"


@pytest.fixture
def slow_training(home: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training that takes long, once it has begun to fit."""
    words = ("train", "--data", str(IRIS), "--target", "species", "--param", "n_estimators=20000", "--output", "m")
    process = subprocess.Popen(
        [sys.executable, "-m", "mooring", *words],
        cwd=tmp_path,
        env={**os.environ, "MOORING_HOME": str(home), "PYTHONPATH": str(KIT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "rows to learn from" in line:
            break
    yield process
    process.kill()
    process.communicate(timeout=60)


def trainers(place: Path) -> list[int]:
    """Processes that train into `place`."""
    import psutil

    found = []
    for process in psutil.process_iter(["environ", "status"]):
        told = (process.info["environ"] or {}).get("MOORING_MODEL_DIR", "")
        if told.startswith(str(place.resolve())) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_training_ends_its_processes_and_leaves_no_output(
    slow_training: subprocess.Popen[str], tmp_path: Path, number: int
) -> None:
    assert trainers(tmp_path)
    slow_training.send_signal(number)
    _, said = slow_training.communicate(timeout=60)
    assert slow_training.returncode == exits.INTERRUPTED
    assert "stopped: no output was written" in said
    assert trainers(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_training_keeps_its_checkpoint_and_says_so(
    slow_training: subprocess.Popen[str], home: Path, tmp_path: Path
) -> None:
    deadline = time.monotonic() + 120
    while not (found := list(home.glob("local/checkpoints/*/data/*.json"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    slow_training.send_signal(signal.SIGINT)
    _, said = slow_training.communicate(timeout=60)
    assert "stopped: no output was written; the same command goes on from its checkpoint" in said
    assert list(home.glob("local/checkpoints/*/data/*.json")) == found != []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends a killed parent's child on Linux only")
def test_a_killed_command_takes_its_trainer_along_and_the_next_one_sweeps(
    run: Run, slow_training: subprocess.Popen[str], tmp_path: Path
) -> None:
    slow_training.kill()
    slow_training.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while trainers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert trainers(tmp_path) == []
    run("train", "--data", IRIS, "--target", "species", *FAST, "--output", "m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database with the rows of iris."""
    with IRIS.open() as stream:
        header, *rows = list(csv.reader(stream))
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute(f"create table flowers ({', '.join(header)})")
        database.executemany("insert into flowers values (?, ?, ?, ?, ?)", [[c or None for c in row] for row in rows])
        database.commit()
    return tmp_path / "shop.db"


def test_the_rows_of_a_query_are_fetched_and_learnt_from(run: Run, shop: Path) -> None:
    query = "select cast(petal_length as real) pl, cast(petal_width as real) pw, species from flowers"
    told = run(
        "train",
        "--data",
        "sqlite:///shop.db",
        "--query",
        query,
        "--target",
        "species",
        *FAST,
        "--output",
        "m",
        "--json",
    )
    assert "fetched sqlite://shop.db: 150 rows" in told.err
    assert told.json()["rows"] == {"train": 120, "test": 30}


WRONG_ADDRESS = [
    (("sqlite:///shop.db",), "--query is missing; it gives the rows of a database"),
    (("sqlite:///shop.db", "--query", "select * from gone"), "no such table: gone"),
    (("sqlite:///shop.db", "--query", "select 1", "--items", "data"), "--items: it fits an address that begins with"),
    (("http://127.0.0.1:9/x?key=hidden77", "--query", "select 1"), "--query: it fits a database's address"),
    (("http://127.0.0.1:9/x", "--header", "hidden77"), "--header: write it as 'Name: value'"),
]


@pytest.mark.parametrize(("words", "message"), WRONG_ADDRESS, ids=range(len(WRONG_ADDRESS)))
def test_a_wrong_address_is_one_line_without_what_may_be_secret(
    run: Run, shop: Path, words: tuple[str, ...], message: str
) -> None:
    ran = run("train", "--target", "species", "--output", "m", "--data", *words, expect=exits.FAILED)
    assert message in ran.err
    assert "hidden77" not in ran.out + ran.err
    assert not (shop.parent / "m").exists()
