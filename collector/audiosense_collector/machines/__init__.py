"""Sites, machines, sensors and what the fleet and machine pages show."""
