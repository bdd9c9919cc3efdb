"""What a forecast has to beat: one reference a file, each on the same information as the forecast."""
