"""A stack's configuration: as Pulumi reads it, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.engine.configuration import stack_config
from infra.engine.configuration.project_config import apply_project
from infra.engine.configuration.secrets import Passphrase
from infra.engine.configuration.yaml_reader import read_yaml
from infra.engine.errors import ConfigError, EngineError, UnsupportedOption, WrongPassphrase


def written(folder: Path, text: str, name: str = "Pulumi.dev.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("true", True), ("~", None), ("", None), ("1:30", "1:30"), ("010", 8),
        ("0o17", 15), ("0x10", 16), ("08", 8.0), ("1e3", 1000.0), ("1_000", 1000), ("-5", -5), (".5", 0.5),
        ("'5'", "5"), ("2024-01-02", "2024-01-02 00:00:00 +0000 UTC"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    read = read_yaml(written(tmp_path, f"k: {text}\n"))["k"]
    assert (read, type(read)) == (value, type(value))


def test_values_reach_a_program_as_text_and_structures_as_json(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "config:\n  plain: a b\n  number: 1.50\n  flag: true\n  aws:region: eu\n  aws:config:old: x\n"
        "  tree: {z: [1, 2.0, null], a: <b>}\n  nothing:\n",
    )
    runtime = stack_config.load(file, "shop").runtime(None)
    assert dict(runtime.values) == {
        "shop:plain": "a b",
        "shop:number": "1.5",
        "shop:flag": "true",
        "aws:region": "eu",
        "aws:old": "x",
        "shop:tree": '{"a":"\\u003cb\\u003e","z":[1,2,null]}',
        "shop:nothing": "null",
    }
    assert runtime.secret_keys == frozenset()


@pytest.mark.parametrize("text", ["{config: {a: 1}}\n", "config: {a: 1}\n...\n", "config:\n  a: |\n    x\n   y: 1"])
def test_a_file_that_takes_no_further_line_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml"):
        stack_config.ensure_salt(file, Passphrase("p"))
    assert file.read_text() == text


def test_secure_values_are_decrypted_at_any_depth_and_named(tmp_path: Path) -> None:
    file = written(tmp_path, "# kept\nconfig:\n  a: 1  # kept too")
    manager = stack_config.ensure_salt(file, Passphrase("p"))
    assert file.read_text().startswith("# kept\nconfig:\n  a: 1  # kept too\nencryptionsalt: v1:")
    assert stack_config.ensure_salt(file, Passphrase("p")).salt == manager.salt
    sealed = manager.encrypt("s3cr3t")
    file.write_text(
        f"config:\n  top: {{secure: '{sealed}'}}\n  deep: {{list: [{{secure: '{sealed}'}}, 1]}}\n"
        f"  open: x\nencryptionsalt: {manager.salt}\n"
    )
    config = stack_config.load(file, "shop")
    runtime = config.runtime(config.secrets(Passphrase("p")))
    assert runtime.values["shop:top"] == "s3cr3t"
    assert runtime.values["shop:deep"] == '{"list":["s3cr3t",1]}'
    assert runtime.secret_keys == {"shop:top", "shop:deep"}
    with pytest.raises(WrongPassphrase, match="incorrect passphrase"):
        config.runtime(config.secrets(Passphrase("q")))


def test_a_secure_value_without_a_salt_names_its_key(tmp_path: Path) -> None:
    file = written(tmp_path, "config:\n  token: {secure: 'v1:a:b'}\n")
    with pytest.raises(EngineError, match=r"shop:token.*encryptionsalt"):
        stack_config.load(file, "shop").runtime(None)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("config:\n  a: [1\n", ":3:1", ""),
        ("config:\n  a: 1\n  a: 2\n", ":3:3", "key 'a' is there twice"),
        ("config:\n\ta: 1\n", ":2:1", ""),
        ("confg: {}\n", "", "did you mean 'config'"),
        ("- 1\n", "", "expected a mapping"),
        ("config: [1]\n", "", "'config' must be a mapping"),
        ("config: {a:b:c:d: 1}\n", "", "no configuration key"),
        ("config: {a: !!python/name:os.system x}\n", ":1:13", "tag"),
    ],
)
def test_a_mistake_in_the_file_is_one_error_with_its_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        stack_config.load(file, "shop")
    assert str(error.value).startswith(f"{file}{place}: ")
    assert message in str(error.value)


def test_what_only_the_cli_has_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOption, match="awskms"):
        stack_config.load(written(tmp_path, "secretsprovider: awskms://alias/x\n"), "shop")
    with pytest.raises(UnsupportedOption, match="environment"):
        stack_config.load(written(tmp_path, "environment: [dev]\n"), "shop")


def test_a_missing_or_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    assert stack_config.load(tmp_path / "none.yaml", "shop").values == {}
    assert stack_config.load(written(tmp_path, ""), "shop").values == {}


def applied(folder: Path, stack: str, declared: str) -> dict[str, Any]:
    project = written(folder, f"name: shop\nconfig:\n{declared}", "Pulumi.yaml")
    config = stack_config.load(written(folder, stack), "shop")
    return dict(apply_project(config, project, "shop").values)


def test_the_projects_defaults_fill_what_the_stack_leaves_open(tmp_path: Path) -> None:
    declared = (
        "  a: {type: integer, default: 1}\n  b: short\n  c: {type: object, default: {}}\n  aws:region: {value: eu}\n"
    )
    assert applied(tmp_path, "config: {a: 2}\n", declared) == {
        "shop:a": 2,
        "shop:b": "short",
        "shop:c": {},
        "aws:region": "eu",
    }


@pytest.mark.parametrize(
    ("declared", "stack", "message"),
    [
        ("  a: {type: integer}\n", "config: {}\n", "missing configuration: a"),
        ("  a: {type: integer}\n", "config: {a: x}\n", "a must be of type integer, not x"),
        ("  a: {type: boolean}\n", "config: {a: 1}\n", "a must be of type boolean"),
        ("  a: {type: object}\n", "config: {a: [1]}\n", "a must be of type object"),
        ("  a: {type: array, items: {type: integer}}\n", "config: {a: [x]}\n", "array<integer>"),
        ("  a: {type: string, secret: true}\n", "config: {a: x}\n", "config set --secret a"),
    ],
)
def test_a_value_that_the_project_does_not_allow_is_named(
    tmp_path: Path, declared: str, stack: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        applied(tmp_path, stack, declared)
    assert message in str(error.value)
