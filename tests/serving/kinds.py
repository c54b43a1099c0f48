"""Models of every kind of column, trained once a process, and what their own pipelines predict for rows of JSON."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import struct
import warnings
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import serving_support
import skops.io

from serving.predictor import Predictor
from training.data.table import Column, Table
from training.preprocessing.matrix import matrix

NUMBERS = ("age", "visits")
PLACES = ("north", "south", "east")
WORDS = ("warm", "cold", "friendly", "slow", "lovely", "loud", "fresh", "stale")
SIDE = 4
DATES = ("2023-01-05", "2024-02-29", "2024-12-31T23:59:59", "2024-07-01T12:30:00+02:00")

KINDS: dict[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
    "numbers": (NUMBERS, "good", {"estimator": "LogisticRegression"}),
    "numbers-regression": (NUMBERS, "price", {"estimator": "RandomForestRegressor", "n_estimators": "8"}),
    "categories": (("age", "place"), "good", {"estimator": "RandomForestClassifier", "n_estimators": "8"}),
    "dates": (("age", "joined", "place"), "good", {"estimator": "RandomForestClassifier", "n_estimators": "8"}),
    "dates-regression": (("joined",), "price", {"estimator": "GradientBoostingRegressor", "n_estimators": "8"}),
    "texts": (("review",), "good", {"estimator": "LogisticRegression"}),
    "everything": (("review", "place", "joined", "age"), "good", {"estimator": "LogisticRegression"}),
    "numbered-classes": (("age", "place"), "stars", {"estimator": "LogisticRegression"}),
    "images": (("image",), "label", {"estimator": "LogisticRegression"}),
    "xgboost": (("age", "place"), "stars", {"estimator": "xgboost.XGBClassifier", "n_estimators": "5"}),
    "lightgbm": (("age", "place"), "good", {"estimator": "lightgbm.LGBMClassifier", "n_estimators": "5"}),
    "lightgbm-regression": (NUMBERS, "price", {"estimator": "lightgbm.LGBMRegressor", "n_estimators": "5"}),
}
"""Name to columns, target, and hyperparameters."""


def made_up(rows: int, seed: int, *, training: bool) -> list[dict[str, Any]]:
    """Rows of all columns. What is not for training also has values and categories that training has not."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        age, place = float(random.integers(18, 80 if training else 130)), str(random.choice(PLACES))
        words = random.choice(WORDS, 6).tolist()
        days = int(random.integers(0, 900 if training else 2000))
        joined = np.datetime64("2022-01-01T00:00:00") + np.timedelta64(days, "D")
        score = age / 10 + 3 * (place == "north") + 2 * words.count("lovely") - 2 * words.count("cold") + days / 300
        row: dict[str, Any] = {
            "age": age,
            "visits": round(float(random.gamma(2)), 3),
            "place": place if training or random.random() > 0.2 else "the moon",
            "joined": str(joined) if days % 2 else str(joined)[:10],
            "review": " ".join(words),
            "good": "yes" if score > 7 else "no",
            "price": round(score, 2),
            "stars": int(min(max(score // 3, 1), 4)),
        }
        for name in ("age", "visits", "place", "joined"):
            if random.random() < 0.1:
                row[name] = None
        if not training and random.random() < 0.1:
            row["review"] = None
        found.append(row)
    return found


def pictures(rows: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pictures of 4 × 4 pixels with a bright half, and which half that is."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 120, (rows, SIDE, SIDE)).astype(np.uint8)
    labels = np.array([("left", "right")[at % 2] for at in range(rows)])
    for image, label in zip(images, labels, strict=True):
        half = slice(0, 2) if label == "left" else slice(2, 4)
        image[:, half] += random.integers(20, 136, (SIDE, 2)).astype(np.uint8)
    return images, labels


def questions(kind: str, rows: int = 40) -> list[dict[str, Any]]:
    """Seeded rows to ask a model of that kind, as JSON has them."""
    if kind == "images":
        return [{"image": image.tolist()} for image in pictures(rows, 11)[0]]
    names = KINDS[kind][0]
    asked = [{name: row[name] for name in names} for row in made_up(rows, 7, training=False)]
    if "joined" in names:
        asked += [{**asked[0], "joined": text} for text in DATES]
    return [row for row in asked if any(value is not None for value in row.values())]


def train(kind: str, folder: Path) -> Path:
    """The artifact of a model of that kind, in a new folder."""
    names, target, parameters = KINDS[kind]
    folder.mkdir(parents=True)
    if kind == "images":
        images, labels = pictures(120, 3)
        np.savez(folder / "data.npz", images=images, labels=labels)
        data = folder / "data.npz"
    else:
        data = folder / "data.csv"
        with data.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [*names, target], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(made_up(160, 3, training=True))
    return serving_support.train(data, folder / "model", target=target, **parameters)


def served_as(model: Path, form: str, folder: Path) -> Path:
    """A copy of an artifact that is served from the form `onnx` or `sklearn`."""
    shutil.copytree(model, folder)
    path = folder / "mooring-model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "serve": form}))
    return folder


def expected(predictor: Predictor, rows: Sequence[dict[str, Any]]) -> tuple[list[Any], Any]:
    """What the pipeline itself, out of the skops file, says about rows: labels or numbers, and probabilities."""
    folder, entry = predictor.artifact.folder, predictor.artifact.form("sklearn")
    model = skops.io.load(folder / entry["file"], trusted=entry["trusted_types"])
    columns = tuple(_column(signed, [row[signed["name"]] for row in rows]) for signed in _signature(folder))
    features = matrix(Table(columns, np.arange(len(rows))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = model.predict(features).tolist()
        return values, model.predict_proba(features) if predictor.task == "classification" else None


@cache
def _signature(folder: Path) -> Any:
    return json.loads((folder / "signature.json").read_text())["columns"]


def _column(signed: dict[str, Any], values: list[Any]) -> Column:
    kind = signed["type"]
    if kind == "number":
        return Column(signed["name"], kind, np.array([np.nan if value is None else value for value in values], float))
    if kind == "image":
        return Column(signed["name"], kind, np.array(values, dtype=signed["dtype"]))
    if kind == "date":
        return Column(signed["name"], kind, np.array([_moment(value) for value in values], "datetime64[us]"))
    return Column(signed["name"], kind, np.array([value or "" for value in values], dtype=object))


def _moment(value: str | None) -> np.datetime64:
    """An independent reading of the dates that are asked for: UTC, where no zone is given."""
    if value is None:
        return np.datetime64("NaT", "us")
    plain, _, zone = value.partition("+")
    return np.datetime64(plain, "us") - np.timedelta64(int(zone[:2] or 0) if zone else 0, "h")


def png(pixels: list[list[int]]) -> str:
    """A grey picture's PNG file in base64."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.array(pixels, dtype=np.uint8)).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def blank_png(width: int, height: int) -> str:
    """The head of a PNG file that says so many pixels, and no pixels, in base64 (PNG specification, 5.3 and 11.2.2)."""
    head = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(packed)).decode()
