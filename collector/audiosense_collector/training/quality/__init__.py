"""Whether a baseline can be learnt from: what is left out of it, the modes in it, and why it is refused."""
