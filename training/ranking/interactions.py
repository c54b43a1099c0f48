"""Who chose what, out of a table, and which of it is held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: npt.NDArray[Any]) -> Interactions:
        """These of them."""
        return Interactions(self.users[places], self.items[places], self.weights[places], self.rows[places])


def interactions(table: Table, options: Options) -> Interactions:
    """The choices. Raises TrainingError for columns that there are not, and for rows without user, item or rating."""
    names = {"user": options.user, "item": options.item, "target": options.target}
    for option, name in names.items():
        if name and name not in table.names:
            raise TrainingError(f"--{option}: no column '{name}' in the data{nearest(name, table.names)}")
    if options.user == options.item or options.target in (options.user, options.item):
        raise TrainingError("--user, --item and --target name different columns")
    for name in filter(None, names.values()):
        column = table.column(name)
        if column.missing.any():
            row = int(table.row_numbers[column.missing][0]) + 1
            raise TrainingError(f"column '{name}' has no value in row {row}; every interaction needs one")
    weights = np.ones(len(table))
    if options.target:
        rating = table.column(options.target)
        if rating.kind != "number":
            raise TrainingError(f"--target: the ratings in '{options.target}' are {rating.kind}s, not numbers")
        weights = rating.values
    users, items = as_text(table.column(options.user)), as_text(table.column(options.item))
    return _last(Interactions(users, items, weights, table.row_numbers))


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


def liked(held: Interactions, learnt: Interactions, rated: bool) -> tuple[list[str], list[set[str]], float | None]:
    """Users and the items held out that they like, and the rating from which on that is: the mean of those learned
    from. Without ratings every choice is liking. Items that training never saw cannot be recommended, and count."""
    least = float(learnt.weights.mean()) if rated else None
    found: dict[str, set[str]] = {}
    for user, item, weight in zip(held.users.tolist(), held.items.tolist(), held.weights.tolist(), strict=True):
        if least is None or weight >= least:
            found.setdefault(user, set()).add(item)
    if not found:
        raise TrainingError("no held-out interaction is rated above the average; hold out more with --test_size")
    users = sorted(found)
    return users, [found[user] for user in users], least
