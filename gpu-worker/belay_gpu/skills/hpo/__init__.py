"""Hyper-parameter search: pure proposals, the dashboard's mirror study, and the choice of the winner."""
