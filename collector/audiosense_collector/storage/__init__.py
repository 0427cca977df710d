"""What the database holds: partitions, how large they are, and what retention drops."""
