"""The whole product on one machine: collector, agent and four sensors, from learning to an event."""
