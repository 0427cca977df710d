"""What the tests of the dashboard are made of: a real collector, agents that send to it, browsers that complain."""
