"""What several tests need: tiny models, tokenised rows, real servers."""
