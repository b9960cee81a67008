"""Data and small models for the example experiments."""
