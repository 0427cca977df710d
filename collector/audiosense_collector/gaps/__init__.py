"""Gaps: windows that agents measured and could not deliver, as they tell them."""
