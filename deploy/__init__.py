"""How AudioSense is set up and run."""
