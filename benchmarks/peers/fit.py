"""Fit the model of `benchmarks.serving` for the peers: CSV, joblib file to write."""

import csv
import sys

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

with open(sys.argv[1], newline="") as file:
    rows = list(csv.reader(file))[1:]
features = numpy.array([[float(cell) if cell else numpy.nan for cell in row[:-1]] for row in rows])
model = make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(100, random_state=0))
joblib.dump(model.fit(features, numpy.unique([row[-1] for row in rows], return_inverse=True)[1]), sys.argv[2])
