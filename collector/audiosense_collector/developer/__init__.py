"""The predecessor's interface, kept for its clients: it acts on a sandbox of its own and never on real machines."""
