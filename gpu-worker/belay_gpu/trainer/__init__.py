"""The resident process: slots stepped in turn, evaluated, checkpointed and parked, ruled by a spool."""
