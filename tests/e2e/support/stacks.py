"""Stack files for end-to-end tests."""

from __future__ import annotations

IRIS = """\
config:
  mooring:cloud: local
  mooring:datasets:
    iris:
      path: data/iris.csv
  mooring:models:
    iris:
      training:
        dataset: iris
        target: species
        parameters:
          n_estimators: {trees}
          max_depth: {depth}
  mooring:endpoints:
    iris:
      model: iris
"""


def iris(*, trees: int = 10, depth: int = 4) -> str:
    """One dataset, one trained model, one endpoint."""
    return IRIS.format(trees=trees, depth=depth)
