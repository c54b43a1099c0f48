"""The options of `mooring train` as the trainer's hyperparameters, and its reasons in the words of those options."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mooring.local_run import require_data
from providers.errors import InvalidInput, did_you_mean


def parameters(given: Sequence[str]) -> dict[str, str]:
    """`--param` words as the estimator's parameters. Raises `InvalidInput` for a name of the trainer's own."""
    from training.options import OWN

    found = pairs(given, "--param", "n_estimators=50")
    for name in found:
        if name in OWN:
            raise InvalidInput(f"--param {name}: this is no parameter of the estimator; use {option_of(name)}")
    return found


def further(given: Sequence[str]) -> dict[str, str]:
    """`--option` words as the trainer's own. Raises `InvalidInput` for a name that it does not have."""
    from training.options import OWN

    found = pairs(given, "--option", "slices=region")
    for name in found:
        if name not in OWN:
            near = did_you_mean(name, OWN)
            raise InvalidInput(f"--option {name}: the trainer has no such option{near}; --param is for the estimator's")
        if name in OPTIONS:
            raise InvalidInput(f"--option {name}: use {OPTIONS[name]}")
    return found


def pairs(given: Sequence[str], option: str, example: str) -> dict[str, str]:
    """`name=value` words. Raises `InvalidInput` for a word without `=`, and for a name that is given twice."""
    found: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise InvalidInput(f"{option} {word}: write it as name=value, such as {option} {example}")
        if name in found:
            raise InvalidInput(f"{option} {name} is given twice ('{found[name]}' and '{value}')")
        found[name] = value
    return found


OPTIONS = {
    "target": "--target",
    "seed": "--seed",
    "test_size": "--test-size",
    "estimator": "--estimator",
    "task": "--task",
    "categorical": "--categorical",
    "drop": "--drop",
    "preprocessing": "--preprocessing",
    "split": "--split",
    "cross_validation": "--cv",
    "class_weight": "--class-weight",
    "early_stopping": "--early-stopping",
    "user": "--user",
    "item": "--item",
}
"""The trainer's own names that have an option of their own; `--option` takes the others."""


def option_of(name: str) -> str:
    """How one of the trainer's names is given to `mooring train`."""
    from training.options import OWN

    return OPTIONS.get(name) or (f"--option {name}=…" if name in OWN else f"--param {name}=…")


def in_own_words(reason: str, hyperparameters: Mapping[str, str]) -> str:
    """The trainer's reason with the options of `mooring train` instead of its own: `--test-size` for `--test_size`."""

    def said(match: re.Match[str]) -> str:
        name = match[1]
        return option_of(name).removesuffix("=…") if name in OPTIONS or name in hyperparameters else match[0]

    return re.sub(r"(?<!\S)--([A-Za-z_][A-Za-z0-9_]*)", said, reason)


def nested(text: str, option: str) -> str:
    """A nested setting as JSON text: given as JSON or YAML, or as the name of a file that holds it.

    Raises `InvalidInput` for what is neither.
    """
    import yaml

    name, written = option, text
    if not text.lstrip().startswith(("{", "[")):
        require_data(Path(text), option)
        name = f"{option} {text}"
        try:
            written = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{name}: cannot be read ({error})") from error
    try:
        found: Any = yaml.safe_load(written)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise InvalidInput(f"{name}: neither JSON nor YAML{place}: {getattr(error, 'problem', error)}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{name}: a mapping is expected, such as {{defaults: {{number: {{missing: median}}}}}}")
    return json.dumps(found, default=str, ensure_ascii=False)
