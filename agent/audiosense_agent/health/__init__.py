"""Self-checks: one small file each, and what runs, keeps and tells them."""
