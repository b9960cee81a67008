"""The resident process: slots stepped in turn, evaluated, checkpointed and parked; orders come through a spool."""
