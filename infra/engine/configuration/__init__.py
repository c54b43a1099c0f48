"""Project and stack files, configuration and secrets."""
