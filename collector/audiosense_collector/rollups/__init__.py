"""Roll-ups: what the windows of a minute or an hour gave together, kept long after the windows are gone."""
