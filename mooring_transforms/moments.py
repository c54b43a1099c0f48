"""Moments as numbers: text to seconds since 1970-01-01 UTC, and seconds to the parts of the calendar.

Times without a zone are taken as UTC, others are converted to it, in training and in serving alike. Imports NumPy
only: a server of an ONNX model needs this, and no scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

PERIODS = {"month": 12.0, "day": 31.0, "weekday": 7.0, "dayofyear": 366.0, "hour": 24.0, "minute": 60.0, "quarter": 4.0}
"""Parts that begin again, with the number of their steps."""
PARTS = ("year", "quarter", "month", "day", "weekday", "dayofyear", "hour", "minute", "elapsed")
"""All parts there are. `weekday` is 0 on Mondays; `elapsed` is days since the earliest date of training."""
DAY = 86400.0
"""Seconds of a day."""


def seconds_of(text: str, form: str = "") -> float:
    """Seconds since 1970-01-01 UTC of a date or time in ISO 8601 (`2024-03-01`, `2024-03-01T12:30:00+02:00`), or in
    `form` (as `datetime.strptime` has it) where one is given. Raises ValueError for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        if not form:
            raise ValueError(f"'{text}' is not an ISO 8601 date such as 2024-03-01 or 2024-03-01T12:30:00") from None
        try:
            found = datetime.strptime(text.strip(), form)
        except ValueError:
            raise ValueError(f"'{text}' is neither an ISO 8601 date nor of the form '{form}'") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def seconds(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """datetime64 values as seconds since 1970-01-01 UTC; NaT becomes NaN."""
    micro = values.astype("datetime64[us]")
    found: npt.NDArray[np.float64] = micro.astype(np.int64) / 1e6
    found[np.isnat(micro)] = math.nan
    return found


def named_parts(moments: Any, origin: float, parts: Sequence[str], cyclic: bool) -> list[Any]:
    """The parts of these names in their order; with `cyclic`, sine and cosine of those that begin again."""
    found = calendar(moments, origin)
    columns: list[Any] = []
    for name in parts:
        if cyclic and name in PERIODS:
            angle = found[name] * (2 * math.pi / PERIODS[name])
            # To nine digits, so that any library's sine is the same on the split of a tree.
            columns += [np.floor(wave * 1e9 + 0.5) / 1e9 for wave in (np.sin(angle), np.cos(angle))]
        else:
            columns.append(found[name])
    return columns


def calendar(moments: npt.NDArray[np.float64], origin: float) -> dict[str, npt.NDArray[np.float64]]:
    """The parts of moments in seconds since 1970-01-01 UTC. `origin` is a day; `elapsed` counts from it.

    All in floating point, so that an ONNX graph can do the very same. Year, month and day of the proleptic Gregorian
    calendar: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`.
    """
    days = np.floor(moments / DAY)
    rest = moments - days * DAY
    shifted = days + 719468.0  # days since 0000-03-01
    era = np.floor(shifted / 146097.0)
    of_era = shifted - era * 146097.0
    year_of_era = np.floor(
        (of_era - np.floor(of_era / 1460.0) + np.floor(of_era / 36524.0) - np.floor(of_era / 146096.0)) / 365.0
    )
    of_year = of_era - (365.0 * year_of_era + np.floor(year_of_era / 4.0) - np.floor(year_of_era / 100.0))
    march = np.floor((5.0 * of_year + 2.0) / 153.0)  # months since March
    day = of_year - np.floor((153.0 * march + 2.0) / 5.0) + 1.0
    late = np.floor(march / 10.0)  # 1 in January and February
    month = march + 3.0 - 12.0 * late
    year = year_of_era + era * 400.0 + late
    hour = np.floor(rest / 3600.0)
    past = year - 1.0
    first = 365.0 * past + np.floor(past / 4.0) - np.floor(past / 100.0) + np.floor(past / 400.0) - 719162.0
    return {
        "year": year,
        "quarter": np.floor((month + 2.0) / 3.0),
        "month": month,
        "day": day,
        "weekday": (days + 3.0) - 7.0 * np.floor((days + 3.0) / 7.0),
        "dayofyear": days - first + 1.0,
        "hour": hour,
        "minute": np.floor((rest - hour * 3600.0) / 60.0),
        "elapsed": moments / DAY - origin,
    }
