"""What a person writes with scikit-learn alone for what `python -m training` does with a CSV: read, prepare, fit, measure.

Usage: bare_training.py FILE TARGET. Prints the same metrics.
"""

import csv
import sys

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


def main(path: str, target: str) -> None:
    with open(path, encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    at = header.index(target)
    truth = np.array([row[at] for row in rows])
    cells = [[cell or "nan" for place, cell in enumerate(row) if place != at] for row in rows]
    features = np.array(cells, dtype=np.float64)
    train, test, train_truth, test_truth = train_test_split(
        features, truth, test_size=0.2, random_state=0, stratify=truth
    )
    numbers = Pipeline([("impute", SimpleImputer(strategy="mean")), ("scale", StandardScaler())])
    prepare = ColumnTransformer([("numbers", numbers, list(range(features.shape[1])))])
    model = Pipeline([("prepare", prepare), ("model", RandomForestClassifier(random_state=0, n_jobs=1))])
    model.fit(train, train_truth)
    predictions, shares = model.predict(test), model.predict_proba(test)
    print("accuracy", accuracy_score(test_truth, predictions))
    for average in ("macro", "weighted"):
        print(average, precision_recall_fscore_support(test_truth, predictions, average=average, zero_division=0)[:3])
    print("log_loss", log_loss(test_truth, shares, labels=model.classes_))
    print("roc_auc", roc_auc_score(test_truth, shares, multi_class="ovr"))
    joblib.dump(model, sys.argv[3])


main(sys.argv[1], sys.argv[2])
