"""Who chose what, out of a table, and which of it is held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.parts import Say
from training.data.read import read
from training.data.schema import ReadOptions, parse_schema
from training.data.table import Table
from training.errors import TrainingError, nearest
from training.options import Options
from training.preprocessing.kinds import as_text


@dataclass(frozen=True)
class Interactions:
    """One choice a row: user, item, and its weight (a rating, or 1). `rows` are places in the data."""

    users: npt.NDArray[Any]
    items: npt.NDArray[Any]
    weights: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    sample: Mapping[str, Any] | None = None
    """What is said of the sample that they are, where not all were read."""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: npt.NDArray[Any]) -> Interactions:
        """These of them."""
        return Interactions(
            self.users[places], self.items[places], self.weights[places], self.rows[places], self.sample
        )


def read_interactions(
    path: Path, options: Options, say: Say = lambda line: None, *, rating: str = "target", schema: bool = True
) -> Interactions:
    """The choices in a file or folder; users and items are text whatever they look like, other columns are not read.

    `rating` is the option that names the column of ratings, and `schema` says whether that of the options holds.
    Raises TrainingError for columns that there are not, and for rows without user, item or rating.
    """
    given = {"user": options.user, "item": options.item, rating: options.target}
    wanted = {option: name for option, name in given.items() if name}
    if len(set(wanted.values())) < len(wanted):
        *first, last = (f"--{option}" for option in wanted)
        raise TrainingError(f"{', '.join(first)} and {last} name different columns")
    declared = parse_schema(options.schema) if schema else {}
    read_as = ReadOptions(
        schema={name: type for name, type in declared.items() if name in wanted.values()},
        categorical=(options.user, options.item),
        drop=options.drop,
        format=options.data_format or None,
        delimiter=options.delimiter or None,
        memory=options.memory_mib << 20,
        seed=options.seed,
        refine=False,
        wanted=wanted,
    )
    try:
        table = read(path, read_as, say)
    except TrainingError as error:  # a rating has to be a number, and the other two are text already
        raise TrainingError(str(error).partition(", or treat the column as text")[0]) from error
    return interactions(table, options, rating)


def interactions(table: Table, options: Options, rating: str = "target") -> Interactions:
    """The choices in a table. Raises TrainingError as `read_interactions` does."""
    names = {"user": options.user, "item": options.item, rating: options.target}
    for option, name in names.items():
        if name and name not in table.names:
            raise TrainingError(f"--{option}: no column '{name}' in the data{nearest(name, table.names)}")
    for name in filter(None, names.values()):
        column = table.column(name)
        if column.missing.any():
            row = int(table.row_numbers[column.missing][0]) + 1
            raise TrainingError(f"column '{name}' has no value in row {row}; every interaction needs one")
    weights = np.ones(len(table))
    if options.target:
        stars = table.column(options.target)
        if stars.kind != "number":
            raise TrainingError(f"--{rating}: the ratings in '{options.target}' are {stars.kind}s, not numbers")
        weights = stars.values
    users, items = as_text(table.column(options.user)), as_text(table.column(options.item))
    return _last(Interactions(users, items, weights, table.row_numbers, table.sample))


def _last(found: Interactions) -> Interactions:
    """The last of several of one user and item: ratings are changed, not added."""
    place = {pair: at for at, pair in enumerate(zip(found.users.tolist(), found.items.tolist(), strict=True))}
    return found.take(np.array(sorted(place.values()), dtype=np.int64))


def hold_out(found: Interactions, share: float, seed: int) -> tuple[Interactions, Interactions]:
    """Of each user's choices this share, at least one where there are two or more, and never all.

    Raises TrainingError where no user has two.
    """
    random = np.random.default_rng(seed)
    users, groups = np.unique(found.users.astype(str), return_inverse=True)
    order = np.argsort(random.random(len(found)))
    order = order[np.argsort(groups[order], kind="stable")]
    counts = np.bincount(groups, minlength=len(users))
    held = np.where(counts > 1, np.clip(np.round(counts * share), 1, counts - 1), 0).astype(np.int64)
    within = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    test = order[within < np.repeat(held, counts)]
    if not len(test):
        raise TrainingError("no user has two interactions: one is needed to learn from and one to hold out")
    mask = np.zeros(len(found), dtype=np.bool_)
    mask[test] = True
    return found.take(~mask), found.take(mask)


def liked(held: Interactions, least: float | None) -> tuple[list[str], list[set[str]]]:
    """Users and the items held out that they like: those rated `least` or better, or all where there are no ratings.
    Items that training never saw cannot be recommended, and count."""
    found: dict[str, set[str]] = {}
    for user, item, weight in zip(held.users.tolist(), held.items.tolist(), held.weights.tolist(), strict=True):
        if least is None or weight >= least:
            found.setdefault(user, set()).add(item)
    users = sorted(found)
    return users, [found[user] for user in users]
