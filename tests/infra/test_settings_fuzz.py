"""Whatever a stack file holds, settings are either read or refused with lines that name the place."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import InvalidSettings, load, parse
from infra.settings.models import Settings
from infra.settings.problems import keys_at

WORDS = [
    "cloud", "local", "aws", "datasets", "iris", "path", "models", "training", "dataset", "target", "file", "trust",
    "promoted", "digest", "endpoints", "model", "pin", "machine", "vcpus", "rollout", "strategy", "tuning", "space",
    "objective", "overrides", "environment", "secure", "batches", "x.csv", "Bad Name", "[key]", "by-size", "",
]  # fmt: skip
KEYS = st.one_of(st.sampled_from(WORDS), st.text(max_size=3))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.sampled_from(WORDS), st.text(max_size=4)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=25,
)
TOP = [field.alias or name for name, field in Settings.model_fields.items()]


def mapping_at(depth: int, path: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings that mostly have the keys that the settings know at `path`, so that the fuzz gets deep."""
    known = keys_at(path) or ["iris", "local", "a"]
    if depth == 0:
        return st.dictionaries(st.sampled_from(known), LEAVES, max_size=3)
    nested = {key: st.one_of(VALUES, mapping_at(depth - 1, (*path, key))) for key in known}
    return st.fixed_dictionaries({}, optional=nested)


@settings(max_examples=120, deadline=None)
@given(data=st.one_of(st.dictionaries(KEYS, VALUES, max_size=5), mapping_at(3)), root=st.booleans())
def test_any_mapping_is_read_or_refused_with_a_place(data: dict[str, Any], root: bool) -> None:
    try:
        parse(data, source="here", root=Path(__file__).parent if root else None)
    except InvalidSettings as refused:
        lines = [str(problem) for problem in refused.problems]
    else:
        return
    assert lines
    assert all(line.startswith("here") for line in lines)
    assert len(set(lines)) == len(lines)


@settings(max_examples=60, deadline=None)
@given(data=st.dictionaries(st.sampled_from([f"mooring:{key}" for key in TOP] + ["x", "aws:a"]), VALUES, max_size=4))
def test_any_file_is_read_or_refused_with_a_place(data: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Pulumi.x.yaml"
        file.write_text(yaml.safe_dump({"config": data}, allow_unicode=True), encoding="utf-8")
        try:
            load(file, Path(folder))
        except InvalidSettings as refused:
            lines = [str(problem) for problem in refused.problems]
        else:
            return
        assert all(line.startswith("Pulumi.x.yaml") for line in lines)


@settings(max_examples=80, deadline=None)
@given(text=st.text(alphabet=st.sampled_from(list("config:\n -{}[]&*!|>'\"#%@`a1mr\t")), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Pulumi.x.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except InvalidSettings as refused:
            said = str(refused)
        else:
            return
        assert "Pulumi.x.yaml" in said
