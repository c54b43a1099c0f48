"""State on disk: what is written when, and how it survives a kill."""
