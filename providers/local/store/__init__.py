"""What versions and datasets are kept in, and for how long."""
