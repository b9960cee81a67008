"""LoRA adapters over one frozen base. No Temporal, no network, no files but models and adapters."""
