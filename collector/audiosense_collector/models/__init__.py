"""Stored models and their push to agents."""
