"""Providers as the engine sees them: started, configured, called."""
