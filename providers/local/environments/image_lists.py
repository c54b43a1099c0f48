"""The local cloud's images: lists of pinned, hashed packages that a job's or server's environment is made of.

`images/<name>.txt` is compiled by `scripts/lock` from `<name>.in`. `<cloud>/<name>` is an image of an emulated cloud,
whose list is in that cloud's folder (`providers/<cloud>/emulator/image_lists/`).
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from providers.errors import InvalidInput, Problem, did_you_mean
from providers.paths import KIT

FOLDER = Path(__file__).parent / "images"
DEFAULT = "sklearn"
BOOSTING = "boosting"
BOOSTING_PACKAGES = frozenset({"lightgbm", "xgboost"})
"""Packages of gradient boosting, which only the image BOOSTING has."""

_PINNED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[\w\s,.-]+\])?\s*(===?\s*[^\s;=]+|@\s*\S+)\s*(;.*)?$")


def names() -> list[str]:
    """The images there are."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def package_list(image: str) -> Path:
    """The hashed requirements file of an image. Raises `InvalidInput` with the nearest name."""
    cloud, slash, name = image.rpartition("/")
    folder = KIT / "providers" / cloud / "emulator" / "image_lists" if slash else FOLDER
    path = folder / f"{name}.txt"
    if not re.fullmatch(r"([a-z]+/)?[a-z0-9][a-z0-9.-]*", image) or not path.is_file():
        raise InvalidInput(f"there is no image '{image}' on local{did_you_mean(image, names())}")
    return path


def image_of_estimator(name: object) -> str:
    """The image that has the package of an estimator, by its dotted name."""
    return BOOSTING if str(name or "").partition(".")[0] in BOOSTING_PACKAGES else DEFAULT


def image_of_artifact(folder: Path) -> str:
    """The image that a model is served in: what its ONNX form was made of is not needed any more."""
    try:
        manifest = json.loads((folder / "mooring-model.json").read_bytes())
        packages, served = set(manifest.get("packages", {})), manifest.get("serve")
    except (OSError, ValueError, AttributeError, TypeError):
        return DEFAULT  # the server itself says what is wrong with its artifact
    return BOOSTING if served != "onnx" and packages & BOOSTING_PACKAGES else DEFAULT


def problems(image: str | None, requirements: Sequence[str], prefix: str = "code") -> list[Problem]:
    """What is wrong with an image's name and the further requirements."""
    found = []
    if image is not None:
        try:
            package_list(image)
        except InvalidInput as error:
            found.append(Problem(f"{prefix}.image", str(error)))
    for index, requirement in enumerate(requirements):
        if not _PINNED.match(requirement.strip()):
            reason = f"'{requirement}' is not a pinned requirement; write it as name==version"
            found.append(Problem(f"{prefix}.requirements[{index}]", reason))
    return found


def environment_key(image: str, requirements: Sequence[str]) -> str:
    """The name of an environment: a hash over the package list, the further requirements, Python and the machine."""
    parts = [
        package_list(image).read_text(encoding="utf-8"),
        *sorted(" ".join(requirement.split()) for requirement in requirements),
        sys.version,
        platform.machine(),
        sys.platform,
    ]
    return f"{image.replace('/', '-')}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
