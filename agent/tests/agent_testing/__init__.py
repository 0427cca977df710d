"""What the agent's tests are made of: a collector on loopback, certificates, bundles, measurements."""
