"""What AudioSense's agent and collector share."""
