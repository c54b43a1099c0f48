"""One module a verb; each has a Typer object `app`."""
