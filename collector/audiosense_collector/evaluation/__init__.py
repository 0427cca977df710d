"""How well faults would be heard on a user's own recordings; imports nothing of the server."""
