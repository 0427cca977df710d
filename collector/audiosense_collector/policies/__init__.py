"""Policies: settings of the collector that an administrator changes while it runs."""
