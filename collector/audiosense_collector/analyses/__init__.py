"""Stored analyses of recordings."""
