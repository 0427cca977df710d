"""Everything that the collector knows in one file, and back."""
