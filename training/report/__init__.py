"""The report of a model: its figures (PNG), and one HTML page that needs nothing but itself."""
