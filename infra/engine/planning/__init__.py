"""From a registration to steps."""
