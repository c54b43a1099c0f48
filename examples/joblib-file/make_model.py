"""A model as scikit-learn users have it: fitted in an environment of their own, saved with joblib.

Run it where scikit-learn is installed: `python examples/joblib-file/make_model.py models/model.joblib`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline


def main(target: Path) -> None:
    with open("data/iris.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = [name for name in rows[0] if name != "species"]
    features = [[float(row[name] or "nan") for name in columns] for row in rows]
    model = make_pipeline(SimpleImputer(), RandomForestClassifier(50, random_state=0))
    model.fit(features, [row["species"] for row in rows])
    target.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
