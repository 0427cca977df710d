"""Slow change of a machine against the baseline that its model was trained on."""
