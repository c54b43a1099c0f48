"""Estimators by name: which there are, what they take, how they are made."""
