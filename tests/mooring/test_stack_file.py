"""Editing a stack file changes what was asked and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.stack_file import MASK, StackFile, parse_path, parse_value
from mooring.yaml_edit import YamlText
from providers.errors import InvalidInput, NotFound, NotSupported

DIGEST = "sha256:" + "a" * 64
TEXT = """\
# The head of the file.
config:
  mooring:cloud: local   # this machine

  # Data.
  mooring:datasets:
    iris:
      path: data/iris.csv

  mooring:models:
    iris:
      # How it is trained.
      training:
        dataset: iris
        target: 'species'
        parameters: {n_estimators: 100, max_depth: 4}   # small
        requirements:
          - scipy>=1.10
        environment:
          TOKEN:
            secure: v1:abc:def

  # Where it answers.
  mooring:endpoints:
    iris:
      model: iris
  # The last word.
encryptionsalt: v1:xyz
"""


@pytest.fixture
def file(tmp_path: Path) -> StackFile:
    path = tmp_path / "Pulumi.local.yaml"
    path.write_text(TEXT)
    return StackFile(path)


def changed_lines(file: StackFile) -> tuple[list[str], list[str]]:
    """Lines that are gone, and lines that are new."""
    old, new = TEXT.splitlines(), file.text.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_changed_value_changes_its_own_characters_only(file: StackFile) -> None:
    file.set("models.iris.training.parameters.n_estimators", 7)
    assert changed_lines(file) == (
        ["        parameters: {n_estimators: 100, max_depth: 4}   # small"],
        ["        parameters: {n_estimators: 7, max_depth: 4}   # small"],
    )


def test_a_new_key_is_put_after_its_siblings_and_before_the_next_comment(file: StackFile) -> None:
    file.set("endpoints.iris.replicas", 2)
    lines = file.text.splitlines()
    assert lines[lines.index("      model: iris") + 1] == "      replicas: 2"
    assert lines[lines.index("      replicas: 2") + 1] == "  # The last word."
    assert changed_lines(file) == ([], ["      replicas: 2"])


def test_missing_mappings_on_the_way_are_made(file: StackFile) -> None:
    file.set("models.other.training.dataset", "iris")
    assert file.get("models.other") == {"training": {"dataset": "iris"}}
    assert changed_lines(file)[0] == []


def test_a_new_top_level_key_joins_the_configuration(file: StackFile) -> None:
    file.set("tags.team", "ml")
    data = yaml.safe_load(file.text)
    assert data["config"]["mooring:tags"] == {"team": "ml"}
    assert data["encryptionsalt"] == "v1:xyz"


def test_removing_a_value_leaves_every_comment(file: StackFile) -> None:
    file.remove("models.iris.training.requirements")
    assert changed_lines(file)[1] == []
    assert [line for line in TEXT.splitlines() if "#" in line] == [x for x in file.text.splitlines() if "#" in x]


def test_removing_the_only_key_removes_the_mapping_that_held_it(file: StackFile) -> None:
    before = file.text
    file.pin("iris", "iris", DIGEST)
    assert file.pins() == {"iris": {"iris": DIGEST}}
    assert file.unpin("iris") is True
    assert file.text == before
    assert file.unpin("iris") is False


def test_a_pin_of_an_endpoint_that_is_not_there_names_the_near_one(file: StackFile) -> None:
    with pytest.raises(NotFound, match="did you mean 'iris'"):
        file.pin("irs", "iris", DIGEST)


def test_promotion_replaces_the_source_of_the_model(file: StackFile) -> None:
    file.promote("iris", stack="dev", source_model="iris", digest=DIGEST, uri="local://x")
    assert file.get("models.iris") == {
        "promoted": {"stack": "dev", "model": "iris", "digest": DIGEST, "uri": "local://x"}
    }


def test_promotion_makes_a_model_that_the_stack_did_not_have(file: StackFile) -> None:
    file.promote("fresh", stack="dev", source_model="iris", digest=DIGEST, uri="local://x")
    assert file.get("models.fresh.promoted.stack") == "dev"
    assert file.get("models.iris.training.dataset") == "iris"


def test_a_secret_is_kept_encrypted_and_shown_masked(file: StackFile) -> None:
    file.set("endpoints.iris.environment.KEY", "hunter2", encrypt=lambda text: f"v1:{text[::-1]}")
    assert "hunter2" not in file.text
    assert "secure: v1:2retnuh" in file.text
    assert file.get("endpoints.iris.environment") == {"KEY": MASK}
    assert file.get("models.iris.training.environment") == {"TOKEN": MASK}


def test_lists_are_edited_by_index(file: StackFile) -> None:
    file.set("models.iris.training.requirements[0]", "numpy>=2")
    file.set("models.iris.training.requirements[1]", "joblib")
    assert file.get("models.iris.training.requirements") == ["numpy>=2", "joblib"]
    with pytest.raises(InvalidInput, match=r"no list item \[9\]"):
        file.set("models.iris.training.requirements[9]", "x")


def test_other_namespaces_are_free(file: StackFile) -> None:
    file.set("aws:profile", "work")
    assert yaml.safe_load(file.text)["config"]["aws:profile"] == "work"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("modles.iris", {}, r"modles: unknown key \(did you mean 'models'\?\)"),
        ("models.iris.traning.seed", 1, r"models.iris.traning: unknown key \(did you mean 'training'\?\)"),
        ("models.iris.training.seed", "abc", "must be a whole number, not 'abc'"),
        ("endpoints.iris.mode", "realtime", r"must be one of .*did you mean 'real-time'"),
        ("endpoints.iris.pin.iris", "abc", "must be a digest"),
        ("models.Iris.keepVersions", 3, r"not a name: .*did you mean 'iris'"),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_changes(file: StackFile, path: str, value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        file.set(path, value)
    assert file.text == TEXT


def test_a_missing_path_names_the_nearest_key(file: StackFile) -> None:
    with pytest.raises(NotFound, match="did you mean 'endpoints'"):
        file.get("endponts.iris")


def test_saving_keeps_the_mode_and_restore_brings_back_what_was_read(file: StackFile) -> None:
    file.file.chmod(0o640)
    file.set("cloud", "local2")
    file.save()
    assert "local2" in file.file.read_text()
    assert file.file.stat().st_mode & 0o777 == 0o640
    file.restore()
    assert file.file.read_text() == TEXT
    assert list(file.file.parent.iterdir()) == [file.file]


def test_broken_yaml_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(InvalidInput, match=r"Pulumi.x.yaml:3:\d+: not valid YAML"):
        StackFile(path)


def test_a_text_with_anchors_is_not_edited() -> None:
    text = YamlText("a: &x {b: 1}\nc: *x\n", "f.yaml")
    with pytest.raises(NotSupported, match="anchors"):
        text.set(("a", "b"), 2)


@pytest.mark.parametrize(
    "text", ["", "config:\n", "config: {}\n", "# only a comment\n", "config:\n  mooring:cloud: local"]
)
def test_any_empty_form_of_the_file_takes_a_first_value(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(text)
    file = StackFile(path)
    file.set("tags.a", "b")
    assert yaml.safe_load(file.text)["config"]["mooring:tags"] == {"a": "b"}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.b-c.d_e", ("a", "b-c", "d_e")),
        ("a[0].b", ("a", 0, "b")),
        ('tags["x.y/z"].q', ("tags", "x.y/z", "q")),
    ],
)
def test_paths(path: str, parts: tuple[str | int, ...]) -> None:
    assert parse_path(path) == parts


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "[0]", "a b", "a[x]"])
def test_bad_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        parse_path(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("0.5", 0.5), ("true", True), ("x", "x"), ("[a, 1]", ["a", 1]), ("{a: b}", {"a": "b"}),
     ("2024-01-01", "2024-01-01"), ("", ""), ("'7'", "7"),
     ("yes", "yes"), ("1:30", "1:30")],
)  # fmt: skip
def test_typed_values(text: str, value: object) -> None:
    assert parse_value("models.x", text) == value


def test_an_account_stays_text() -> None:
    assert parse_value("account", "123456789012") == "123456789012"


KEYS = st.sampled_from(["a", "b", "c", "x.y", "yes", "1"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9999),
    st.sampled_from(["no", "a b", "# x", "ü", "a: b", "- z", "'", "l1\nl2\n", " s ", "0x1"]),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8
)


@settings(max_examples=150, deadline=None)
@given(
    data=st.dictionaries(KEYS, VALUES, max_size=4),
    path=st.lists(KEYS, min_size=1, max_size=3),
    value=VALUES,
    flow=st.sampled_from([True, False, None]),
    indent=st.sampled_from([2, 4]),
)
def test_an_edit_means_the_old_data_with_that_change(
    data: dict[str, object], path: list[str], value: object, flow: bool | None, indent: int
) -> None:
    """Whatever the form of the file, an edit either changes exactly that value, or is refused."""
    text = yaml.safe_dump({"config": data}, default_flow_style=flow, indent=indent, allow_unicode=True)
    edited = YamlText("# head\n" + text + "# tail\n", "f.yaml")
    full = ("config", *path)
    try:
        edited.set(full, value)
    except InvalidInput as refused:
        if "has no keys of its own" not in str(refused):
            raise
        return
    found = yaml.safe_load(edited.text)
    for part in full:
        found = found[part]
    assert found == value
    assert edited.text.startswith("# head\n") or "# head" in edited.text
    edited.remove(full)
    assert edited.text.rstrip().endswith("# tail")
