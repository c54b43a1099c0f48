"""Compressed time: what takes minutes on AWS takes moments here, in the same order and for the same reasons.

`MOORING_EMULATOR_TIME` is the number of AWS's seconds in one of ours; 60 by default, so that a wait of ten minutes
takes ten seconds; 1 is AWS's own pace. Limits on what really runs here (a job's `MaxRuntimeInSeconds`) are never
compressed.
"""

from __future__ import annotations

import os

VARIABLE = "MOORING_EMULATOR_TIME"
DEFAULT = 60.0


def factor() -> float:
    """Seconds of AWS in one of ours."""
    try:
        return max(1.0, float(os.environ.get(VARIABLE) or DEFAULT))
    except ValueError:
        return DEFAULT


def compressed(seconds: float, least: float = 0.0, most: float = float("inf")) -> float:
    """Our seconds for so many of AWS's, within bounds."""
    return min(max(seconds / factor(), least), most)
