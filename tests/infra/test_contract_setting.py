"""`contract` and `metrics` of a training: whose script it is about, and what reaches the program's resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.components import CODE
from infra.settings import InvalidSettings, parse
from providers.values import CodeSpec


def settings(cloud: str, **training: Any) -> dict[str, Any]:
    region = {} if cloud == "local" else {"region": "somewhere"}
    given = {"dataset": "d", **training}
    return {"cloud": cloud, **region, "datasets": {"d": "data.csv"}, "models": {"m": {"training": given}}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "data.csv").touch()
    return tmp_path


SCRIPT = {"source": "src", "entryPoint": "train.py"}


@pytest.mark.parametrize(
    ("cloud", "training", "message"),
    [
        ("local", {"target": "y", "contract": "vertex"}, "training.contract: needs a 'source'"),
        ("local", {"target": "y", "metrics": {"a": "a=(.*)"}}, "training.metrics: needs a 'source'"),
        ("local", {**SCRIPT, "contract": "sagemakr"}, "did you mean 'sagemaker'"),
        ("aws", {**SCRIPT, "contract": "vertex"}, "a script on cloud 'aws' runs under the contract 'sagemaker'"),
    ],
)
def test_a_contract_that_cannot_be_is_told(root: Path, cloud: str, training: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        parse(settings(cloud, **training), root=root)
    assert message in str(refused.value)


@pytest.mark.parametrize(("cloud", "contract"), [("local", "azureml"), ("aws", "sagemaker"), ("gcp", "vertex")])
def test_a_contract_reaches_the_code_of_the_run(root: Path, cloud: str, contract: str) -> None:
    read = parse(settings(cloud, **SCRIPT, contract=contract, metrics={"a": "a=(.*)"}), root=root).models["m"].training
    assert read is not None
    code = CodeSpec(**{key: getattr(read, key) for key in CODE}).to_wire()
    assert (code["contract"], code["metrics"]) == (contract, {"a": "a=(.*)"})
