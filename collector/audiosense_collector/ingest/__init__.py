"""Taking in batches from agents."""
