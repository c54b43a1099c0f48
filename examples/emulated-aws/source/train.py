"""A training script for SageMaker's scikit-learn container: arguments, channels, a metric in the log, a model."""

import argparse
import os

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

parser = argparse.ArgumentParser()
parser.add_argument("--n_estimators", type=int, default=50)
parser.add_argument("--max_depth", type=int, default=4)
arguments = parser.parse_args()

table = pd.read_csv(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "iris.csv"))
target = table.pop("species")
train, test, train_target, test_target = train_test_split(table, target, test_size=0.2, random_state=0, stratify=target)
forest = RandomForestClassifier(arguments.n_estimators, max_depth=arguments.max_depth, random_state=0)
model = make_pipeline(SimpleImputer(), forest).fit(train.to_numpy(), train_target)
print(f"validation:accuracy={model.score(test.to_numpy(), test_target):.4f};")
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
