"""A sensor's measurements over time: charts, spectrograms and exports, from raw rows or their roll-ups."""
