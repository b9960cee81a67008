"""Temporal workers: the ML skills (`ml`) and the engine host (`gpu`)."""
