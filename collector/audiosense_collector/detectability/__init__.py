"""Probes of the agents, and how small a fault each model would hear."""
