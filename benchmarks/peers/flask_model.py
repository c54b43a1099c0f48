"""What the SageMaker scikit-learn container does, at its smallest: Flask and scikit-learn behind gunicorn."""

import os

import joblib
import numpy
from flask import Flask, jsonify, request

app = Flask(__name__)
model = joblib.load(os.environ["PEER_MODEL"])


@app.get("/ping")
def ping():
    return "ok"


@app.post("/predict")
def predict():
    rows = numpy.array(request.get_json()["instances"])
    return jsonify(predictions=model.predict(rows).tolist(), probabilities=model.predict_proba(rows).tolist())
