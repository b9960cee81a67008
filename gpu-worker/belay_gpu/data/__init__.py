"""Data sets as the trainer reads them: the tokenised layout, packing and batches."""
