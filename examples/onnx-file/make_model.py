"""Makes `iris.onnx`, the supplied model of this example: a logistic regression with one input a column.

Run it from the project's root with what `make dev` installs: `.venv/bin/python examples/onnx-file/make_model.py`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def main() -> None:
    data = pd.read_csv("data/iris.csv").dropna()
    columns, target = data.drop(columns="species"), data["species"]
    model = make_pipeline(
        ColumnTransformer([("columns", "passthrough", list(columns))]), LogisticRegression(max_iter=1000)
    ).fit(columns, target)
    inputs = [(column, FloatTensorType([None, 1])) for column in columns]
    onnx = to_onnx(model, initial_types=inputs, options={"zipmap": False}, target_opset=17)
    Path(__file__).with_name("iris.onnx").write_bytes(onnx.SerializeToString())


if __name__ == "__main__":
    main()
