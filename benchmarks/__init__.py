"""One command per headline figure."""
