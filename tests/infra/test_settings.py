"""Settings: what is accepted, and the one clear line for each thing that is wrong."""

# ruff: noqa: E501 - a table with one case a line
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infra.settings import InvalidSettings, Settings, load, parse
from infra.settings.checking import check_value
from providers.errors import NotFound

DIGEST = "sha256:" + "0" * 64


def valid() -> dict[str, Any]:
    """Settings with one of everything."""
    return {
        "cloud": "local",
        "tags": {"team": "ml"},
        "datasets": {"iris": {"path": "data/iris.csv"}, "short": "data/new_rows.csv"},
        "models": {
            "iris": {"training": {"dataset": "iris", "target": "species"}, "thresholds": {"accuracy": 0.9}},
            "given": {"file": "model.onnx"},
            "moved": {"promoted": {"stack": "dev", "model": "iris", "digest": DIGEST, "uri": "local://x"}},
        },
        "endpoints": {
            "iris": {"models": {"iris": 90, "given": 10}, "pin": {"iris": DIGEST}, "port": 8080},
            "moved": {"model": "moved"},
        },
        "batches": {"all": {"model": "iris", "dataset": "short"}},
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """The valid settings with `value` at the dotted `path`; `...` removes it."""
    settings = valid()
    *parents, last = path.split(".")
    place = settings
    for part in parents:
        place = place.setdefault(part, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return settings


def problems(settings: dict[str, Any], root: Path | None = None) -> list[str]:
    """The lines of the error that `settings` raise."""
    with pytest.raises(InvalidSettings) as caught:
        parse(settings, source="here", root=root)
    return str(caught.value).splitlines()


def test_valid_settings_are_read_with_defaults_and_short_forms() -> None:
    settings = parse(valid())
    assert settings.datasets["short"].path == "data/new_rows.csv"
    assert settings.models["given"].file is not None
    assert settings.models["given"].file.path == "model.onnx"
    assert settings.endpoints["iris"].traffic() == {"iris": 90, "given": 10}
    assert settings.endpoints["moved"].traffic() == {"moved": 100}
    assert settings.models["iris"].keep_versions == 5


def test_trust_may_stand_beside_a_short_file() -> None:
    settings = parse(changed("models.given", {"file": "m.pkl", "trust": True, "digest": DIGEST}))
    assert settings.models["given"].file is not None
    assert settings.models["given"].file.trust
    assert settings.models["given"].file.digest == DIGEST


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("modles", {"a": {}}, "here: modles: unknown key (did you mean 'models'?)"),
        ("modles", {}, "here: modles: unknown key (did you mean 'models'?)"),
        ("models.iris.traning", {}, "here: models.iris.traning: unknown key (did you mean 'training'?)"),
        ("models.iris.training.test_sise", 1, "here: models.iris.training.test_sise: unknown key (did you mean 'testSize'?)"),
        ("cloud", ..., "here: cloud: missing: where the stack lives: local, aws, azure, gcp, or a third party's cloud"),
        ("cloud", "lcal", "here: cloud: unknown cloud 'lcal' (did you mean 'local'?)"),
        ("cloud", 3, "here: cloud: must be text, not 3; put it in quotes"),
        ("region", "eu", "here: region: has no meaning on cloud 'local', which is this machine; remove it"),
        ("tags.version", 1.5, "here: tags.version: must be text, not 1.5; put it in quotes"),
        ("tags", ["a"], "here: tags: must be a mapping of names to values, not a list"),
        ("datasets.iris.format", "cvs", "here: datasets.iris.format: must be one of csv, parquet, jsonl, folder, file, not 'cvs' (did you mean 'csv'?)"),
        ("models.iris.training.dataset", "irs", "here: models.iris.training.dataset: there is no dataset 'irs' (did you mean 'iris'?)"),
        ("models.iris.training.target", ..., "here: models.iris.training: missing key 'target': the column to predict"),
        ("models.iris.training.seed", "x", "here: models.iris.training.seed: must be a whole number, not 'x'"),
        ("models.iris.training.seed", True, "here: models.iris.training.seed: must be a whole number, not true"),
        ("models.iris.training.testSize", 1, "here: models.iris.training.testSize: must be less than 1, not 1"),
        ("models.iris.training.hyperparameters", {"a": 1}, "here: models.iris.training.hyperparameters: needs a 'source', the folder of an own script"),
        ("models.iris.training.parameters", {"seed": 1}, "here: models.iris.training.parameters.seed: is no parameter of the estimator; write it beside 'parameters', as 'seed'"),
        ("models.iris.training", ..., "here: models.iris: has no source; a model comes from exactly one of training, file, promoted"),
        ("models.iris.file", "a.onnx", "here: models.iris: has training and file; a model comes from exactly one of training, file, promoted"),
        ("models.given.tuning", {"space": {"a": {"type": "int", "low": 1, "high": 2}}, "objective": {"metric": "f1"}}, "here: models.given.tuning: needs a 'training' beside it, whose hyperparameters it searches"),
        ("models.moved.promoted.digest", "abc", "here: models.moved.promoted.digest: must be a digest, 'sha256:' and 64 hexadecimal digits, not 'abc'"),
        ("models.moved.promoted.uri", ..., "here: models.moved.promoted.uri: missing: address of the artifact in that stack's store"),
        ("endpoints.moved.model", ..., "here: endpoints.moved: names no model; set 'model' to one of: given, iris, moved"),
        ("endpoints.moved.model", "mved", "here: endpoints.moved.model: there is no model 'mved' (did you mean 'moved'?)"),
        ("endpoints.moved.models", {"iris": 100}, "here: endpoints.moved: has 'model' and 'models'; name one model, or several with their shares"),
        ("endpoints.iris.models", {"iris": 90, "given": 20}, "here: endpoints.iris.models: the traffic sums to 110, and must sum to 100"),
        ("endpoints.iris.models", {"iris": 120}, "here: endpoints.iris.models.iris: must be at most 100, not 120"),
        ("endpoints.moved.pin", {"iris": DIGEST}, "here: endpoints.moved.pin.iris: pins a model that this endpoint does not serve (one of: moved)"),
        ("endpoints.iris.autoscaling", {"minReplicas": 3, "maxReplicas": 2}, "here: endpoints.iris.autoscaling: 'minReplicas' (3) is above 'maxReplicas' (2)"),
        ("endpoints.iris.machine", {"vcpu": 1}, "here: endpoints.iris.machine.vcpu: unknown key (did you mean 'vcpus'?)"),
        ("endpoints.iris.rollout", {"strategy": "blue"}, "here: endpoints.iris.rollout.strategy: must be one of all-at-once, canary, linear, not 'blue'"),
        ("endpoints.iris.overrides", {"awss": {}}, "here: endpoints.iris.overrides.awss: unknown cloud (did you mean 'aws'?)"),
        ("overrides", {"aws": {"endpoints": {}}}, "here: overrides.aws.endpoints: unknown resource kind (did you mean 'endpoint'?)"),
        ("batches.all.dataset", "lies", "here: batches.all.dataset: there is no dataset 'lies' (one of: iris, short)"),
        ("models.given.file", "m.pkl", "here: models.given.file: 'm.pkl' is a pickle file, and loading it executes code that is in it; set 'trust: true' if you trust where it comes from, or export it to ONNX or skops"),
        ("models.given.file", {"path": "m.joblib"}, "here: models.given.file: 'm.joblib' is a joblib file, and loading it executes code that is in it; set 'trust: true' if you trust where it comes from, or export it to ONNX or skops"),
        ("budget", {"monthly": 0}, "here: budget.monthly: must be greater than 0, not 0"),
        ("budget", {"monthly": 5, "currency": "euro"}, "here: budget.currency: must be an ISO 4217 code such as USD or EUR, not 'euro'"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_that_says_what_would_be_right(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == [line]


def test_all_mistakes_are_told_at_once() -> None:
    settings = changed("models.iris.traning", {})
    settings["endpoints"]["moved"]["model"] = "nothing"
    settings["tags"]["a"] = 1
    assert len(problems(settings)) == 3


def test_a_reference_to_a_broken_entry_is_no_second_problem() -> None:
    assert problems(changed("datasets.iris.path", 3)) == [
        "here: datasets.iris.path: must be text, not 3; put it in quotes"
    ]


@pytest.mark.parametrize("name", ["Iris", "my_model", "1st", "a b", "", "x" * 64])
def test_names_that_some_cloud_does_not_take_are_refused(name: str) -> None:
    (line,) = problems(changed(f"datasets.{name}" if "." not in name else "datasets.x", "data.csv"))
    assert "not a name: names are lower-case letters, digits and hyphens" in line


def test_a_real_cloud_needs_a_region_and_has_no_port() -> None:
    assert problems(changed("cloud", "aws")) == [
        "here: region: missing: cloud 'aws' needs a region, such as eu-central-1",
        "here: endpoints.iris.port: can be chosen on cloud 'local' only; cloud 'aws' gives the address",
    ]


def test_an_own_script_takes_hyperparameters_and_not_the_trainer_s_keys(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "data.csv").touch()
    training = {"dataset": "d", "source": "src", "entryPoint": "tain.py", "estimator": "x.Y", "parameters": {"a": 1}}
    found = problems(
        {"cloud": "local", "datasets": {"d": "data.csv"}, "models": {"m": {"training": training}}}, tmp_path
    )
    why = "is of Mooring's own trainer; a script in 'source' takes 'hyperparameters'"
    assert found == [
        f"here: models.m.training.estimator: {why}",
        f"here: models.m.training.parameters: {why}",
        "here: models.m.training.entryPoint: there is no file 'tain.py' in 'source' (did you mean 'train.py'?)",
    ]


def test_files_that_are_not_there_are_told_with_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "iris.csv").touch()
    (line,) = problems({"cloud": "local", "datasets": {"d": "data/irs.csv"}}, tmp_path)
    assert line == (
        "here: datasets.d.path: there is no file or folder 'data/irs.csv'; "
        "paths are relative to the project's root (did you mean 'iris.csv'?)"
    )


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        ({"type": "categorical"}, "needs 'choices'"),
        ({"type": "int", "low": 1}, "needs 'low' and 'high'"),
        ({"type": "float", "low": 2, "high": 1}, r"'low' \(2\) is above 'high' \(1\)"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "needs 'low' above 0"),
    ],
)
def test_a_tuning_space_must_be_a_range_or_choices(space: dict[str, Any], reason: str) -> None:
    tuning = {"space": {"depth": space}, "objective": {"metric": "accuracy"}}
    (line,) = problems(changed("models.iris.tuning", tuning))
    assert re.search(rf"models.iris.tuning.space.depth: .*{reason}", line)


def test_numbers_that_the_pulumi_cli_stored_as_text_are_numbers() -> None:
    settings = parse(changed("models.iris.training.testSize", "0.25"))
    assert settings.models["iris"].training is not None
    assert settings.models["iris"].training.test_size == 0.25


def test_empty_values_are_as_if_not_given() -> None:
    settings = parse({"cloud": "local", "region": "", "network": {}, "budget": {}, "models": None})
    assert settings.network is None
    assert settings.budget is None
    assert settings.models == {}


FILE = """\
config:
  mooring:cloud: local
  aws:profile: work
  mooring:datasets:
    iris: {path: data.csv}
  mooring:models:
    iris:
      traning: {}
      training:
        dataset: iris
        target: y
        environment:
          TOKEN: {secure: "v1:a:b"}
"""


def stack_file(tmp_path: Path, text: str) -> Path:
    (tmp_path / "stacks").mkdir(exist_ok=True)
    (tmp_path / "data.csv").touch()
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.write_text(text)
    return file


def file_problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        load(stack_file(tmp_path, text), tmp_path)
    return str(caught.value).splitlines()


def test_problems_in_a_file_are_told_with_its_line(tmp_path: Path) -> None:
    assert file_problems(tmp_path, FILE) == [
        "stacks/Pulumi.local.yaml:8: models.iris.traning: unknown key (did you mean 'training'?)"
    ]


def test_secrets_are_read_without_a_passphrase_and_remembered(tmp_path: Path) -> None:
    settings: Settings = load(stack_file(tmp_path, FILE.replace("      traning: {}\n", "")), tmp_path)
    assert settings.is_secret("models")
    assert not settings.is_secret("endpoints")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("cloud: local", "cloud: [local", r"stacks/Pulumi.local.yaml:3:\d+: not valid YAML"),
        (
            "mooring:cloud: local",
            "cloud: local",
            r":2: cloud: a key needs its namespace; write 'mooring:cloud'",
        ),
        ("mooring:cloud: local", "moring:cloud: local", r"unknown namespace 'moring' \(did you mean 'mooring'\?\)"),
        ("iris: {path: data.csv}", "iris: {path: {secure: x}}", r":5: datasets.iris.path: cannot be a secret"),
        ("  mooring:models:\n", "  mooring:cloud: aws\n  mooring:models:\n", r":6: cloud: given twice"),
        ("config:", "confg:", "missing"),
    ],
)
def test_mistakes_of_the_file_itself(tmp_path: Path, old: str, new: str, line: str) -> None:
    text = FILE.replace("      traning: {}\n", "")
    assert re.search(line, "\n".join(file_problems(tmp_path, text.replace(old, new))))


@pytest.mark.parametrize("text", ["", "- a\n", "config: 3\n", "x\n"])
def test_what_is_no_stack_file_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    assert "stacks/Pulumi.local.yaml" in file_problems(tmp_path, text)[0]


def test_yaml_is_read_as_pulumi_reads_it(tmp_path: Path) -> None:
    text = "config:\n  mooring:cloud: local\n  mooring:tags: {a: yes, b: 2024-01-01, c: 1:30}\n"
    assert load(stack_file(tmp_path, text)).tags == {"a": "yes", "b": "2024-01-01", "c": "1:30"}


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"Pulumi.x.yaml does not exist"):
        load(tmp_path / "Pulumi.x.yaml")


def test_a_secret_value_is_never_repeated_in_an_error(tmp_path: Path) -> None:
    import pulumi.runtime

    from infra.settings import from_config

    config = {"mooring:cloud": "local", "mooring:endpoints": '{"iris": {"environment": {"KEY": 424242}}}'}
    pulumi.runtime.set_all_config(config, ["mooring:endpoints"])
    try:
        with pytest.raises(InvalidSettings) as caught:
            from_config(tmp_path)
    finally:
        pulumi.runtime.set_all_config({}, [])
    assert "endpoints.iris.environment.KEY: must be text" in str(caught.value)
    assert "424242" not in str(caught.value)


def test_one_value_is_checked_alone() -> None:
    check_value(("models", "new", "training", "dataset"), "anything", "f")
    check_value(("models", "new", "training", "requirements", 0), "scipy", "f")
    check_value(("models", "new", "trust"), True, "f")
    with pytest.raises(InvalidSettings, match="must be true or false"):
        check_value(("models", "new", "trust"), "maybe", "f")
    with pytest.raises(InvalidSettings, match="did you mean 'replicas'"):
        check_value(("endpoints", "x", "replcas"), 2, "f")


def test_every_committed_stack_file_is_valid(kit: Path) -> None:
    files = [*(kit / "stacks").glob("Pulumi.*-*.yaml"), *(kit / "stacks" / "templates").glob("*.yaml")]
    assert len(files) >= 7
    for file in files:
        assert load(file, kit).endpoints


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        ({}, "datasets.d: has no source; data comes from exactly one of path, url, sql, http"),
        (
            {"url": "local://a", "sql": {"url": "sqlite://", "query": "q"}},
            "datasets.d: has url and sql; data comes from",
        ),
        ({"url": "local://a", "asOf": "x"}, "datasets.d.asOf: is of data from sql or http"),
        ({"url": "local://a", "schema": {"age": "nmber"}}, "datasets.d.schema.age: must be one of number, integer"),
        ({"http": {"url": "http://x", "paging": {"by": "pages"}}}, "datasets.d.http.paging.by: must be one of link"),
        ({"sql": {"url": "sqlite://"}}, "datasets.d.sql.query: missing: one statement"),
    ],
)
def test_each_mistake_of_a_dataset_is_one_line(dataset: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        parse({"cloud": "local", "datasets": {"d": dataset}})
    assert reason in str(caught.value)


def test_a_dataset_may_declare_its_columns_and_keep_its_query_secret(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(
        "config:\n  mooring:cloud: local\n  mooring:datasets:\n    d:\n      sql:\n        url:\n"
        "          secure: v1:abc\n        query: SELECT 1\n      asOf: monday\n      schema: {first_name: string}\n"
    )
    dataset = load(file).datasets["d"]
    assert dataset.column_types == {"first_name": "string"}
    assert dataset.as_of == "monday"
