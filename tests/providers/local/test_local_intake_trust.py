"""Which supplied models need the user's trust before anything of them is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.local.store.intake import needs_trust

SKLEARN = "flavors:\n  sklearn:\n    pickled_model: m\n    serialization_format: {}\n"


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        (SKLEARN.format("cloudpickle"), True),
        (SKLEARN.format("skops"), False),
        ("flavors:\n  onnx:\n    data: model.onnx\n", False),
    ],
)
def test_an_mlflow_folder_needs_trust_where_it_holds_a_pickle(tmp_path: Path, text: str, needed: bool) -> None:
    (tmp_path / "MLmodel").write_text(text)
    assert bool(needs_trust(tmp_path, "mlflow")) is needed
