"""Sites, machines and sensors as people set them up: names, places, tags, calibration."""
