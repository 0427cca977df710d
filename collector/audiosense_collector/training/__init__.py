"""From baseline windows to a signed model bundle."""
