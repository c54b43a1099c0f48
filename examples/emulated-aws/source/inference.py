"""How the container loads the model; the rest is its own default: JSON, CSV and npy in, JSON or CSV out."""

import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
