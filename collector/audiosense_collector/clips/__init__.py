"""Clips: the sound around events and references of normal sound, whose may be kept, and who listened."""
