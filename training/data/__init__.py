"""From files, queries and pages to typed columns; schemas, profiles, splits."""
