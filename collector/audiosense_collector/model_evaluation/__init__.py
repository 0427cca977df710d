"""Evaluating a model again, on windows that its sensor has stored."""
