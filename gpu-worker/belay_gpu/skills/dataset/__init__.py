"""dataset.analyze: rows of any known format, profiled, split, tokenised once."""
