"""What the soak tests are made of: a network that plays tricks, processes that die at a wanted write, a journal."""
