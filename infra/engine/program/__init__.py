"""The program, and what it asks of the engine while it runs."""
