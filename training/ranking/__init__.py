"""Recommendation: which items to offer to whom, learned from who chose what."""
