"""A real Keras model, packaged by the command and served without Keras.

The environment of the image `keras` is a download of hundreds of megabytes: without it in the cache the test is
skipped, unless MOORING_TEST_KERAS=1 asks for it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from local_models import runner

from providers.local.environments.environments import STAMP, Environments
from serving.predictor import Predictor

PYTHON = Environments().python("keras")
CACHED = (PYTHON.parents[1] / STAMP).is_file()
WANTED = os.environ.get("MOORING_TEST_KERAS") == "1"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800 if WANTED else 280)]

MAKE = """
import json, keras, numpy as np
from keras import layers as L
keras.utils.set_random_seed(3)
picture, facts = keras.Input((8, 8, 3), name="picture"), keras.Input((2,), name="facts")
seen = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="gelu")(L.Rescaling(1 / 255)(picture)))
both = L.Concatenate()([seen, L.Normalization(mean=[1.0, 2.0], variance=[3.0, 4.0])(facts)])
model = keras.Model([picture, facts], {"kind": L.Dense(3, "softmax")(both), "price": L.Dense(1)(both)})
model.save("model.keras")
rows = np.random.default_rng(1).uniform(0, 255, (5, 8, 8, 3)).astype("float32"), np.arange(10.0).reshape(5, 2)
answers = {name: value.tolist() for name, value in model.predict(list(rows), verbose=0).items()}
json.dump({"rows": [row.tolist() for row in rows], "answers": answers}, open("told.json", "w"))
"""


@pytest.mark.skipif(
    not (CACHED or WANTED), reason="the environment of the image `keras` is not cached; MOORING_TEST_KERAS=1 builds it"
)
def test_a_keras_model_of_pictures_and_numbers_answers_as_keras_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    python = Environments().ensure("keras")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "HOME": str(tmp_path), "PATH": os.defpath}
    subprocess.run([python, "-c", MAKE], cwd=tmp_path, env=quiet, check=True, capture_output=True)
    runner(capfd)("package", "model.keras", "--output", "packaged")

    told = json.loads((tmp_path / "told.json").read_text())
    manifest = json.loads((tmp_path / "packaged" / "mooring-model.json").read_text())
    assert manifest["parity"]["within_limit"]
    assert manifest["parity"]["rows"] == 128
    assert {"keras", "tensorflow"} <= set(manifest["packages"])
    predictor = Predictor(tmp_path / "packaged")
    assert predictor.encoder.names == ["picture", "facts"]
    answers = predictor.predict([list(row) for row in zip(*told["rows"], strict=True)]).values
    for place, answer in enumerate(answers):
        for name in ("kind", "price"):
            np.testing.assert_allclose(answer[name], told["answers"][name][place], rtol=1e-4, atol=1e-5)
