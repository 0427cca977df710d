"""Figures for Prometheus: what this process counted, and what the database says of the fleet."""
