"""All scenarios by name, and where it is written down what `pulumi` makes of them."""

from __future__ import annotations

from pathlib import Path

import scenarios_basic
import scenarios_failures
import scenarios_options
import scenarios_values
from scenario import Scenario

RECORDED = Path(__file__).parent / "recorded"
_ALL = (scenarios_basic, scenarios_options, scenarios_failures, scenarios_values)
SCENARIOS: dict[str, Scenario] = {s.name: s for module in _ALL for s in module.SCENARIOS}
