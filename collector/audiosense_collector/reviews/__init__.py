"""Reviews: what people say that events were, for ever, and what that means for the next baseline."""
