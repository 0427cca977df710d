"""Self-checks of agents and their sensors: the latest, and since when each is as it is."""
