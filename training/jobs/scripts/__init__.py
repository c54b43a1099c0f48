"""A user's own script, run unchanged as each platform runs it."""
