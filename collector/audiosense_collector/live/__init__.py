"""Live updates to browsers by server-sent events."""
