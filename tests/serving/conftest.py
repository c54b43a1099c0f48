"""One trained model for all tests of serving in a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving_support import IRIS, train

from serving.app import App
from serving.predictor import Predictor


@pytest.fixture(scope="session")
def iris_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of a forest on iris."""
    folder = tmp_path_factory.mktemp("model") / "iris"
    return train(IRIS, folder, target="species", n_estimators="20")


@pytest.fixture(scope="session")
def mixed_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of a regression on a number and a text."""
    base = tmp_path_factory.mktemp("mixed")
    rows = "".join(f"{10 + at},{'new' if at % 3 else 'old'},{at * 2.5 + (40 if at % 3 else 0)}\n" for at in range(60))
    (base / "data.csv").write_text("area,kind,price\n" + rows)
    return train(base / "data.csv", base / "model", target="price", n_estimators="10")


@pytest.fixture(scope="session")
def iris(iris_model: Path) -> Predictor:
    """The iris model, loaded."""
    return Predictor(iris_model)


@pytest.fixture
def app(iris: Predictor) -> App:
    """The application that serves it."""
    return App(iris, "iris", "7", "blue", max_body=100_000)
