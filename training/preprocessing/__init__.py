"""From typed columns to a model's matrix: what is done to each column, inside the fitted pipeline."""
