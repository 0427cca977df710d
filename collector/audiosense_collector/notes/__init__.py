"""Notes: what people write beside a machine's measurements, and when it is worked on."""
