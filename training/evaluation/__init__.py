"""How good a model is: metrics, slices, plots, the report."""
