"""The job queue: who works on what, how far it is, and that nothing is done twice."""
