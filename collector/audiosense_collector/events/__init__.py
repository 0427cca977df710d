"""Events: spans of anomalous windows."""
