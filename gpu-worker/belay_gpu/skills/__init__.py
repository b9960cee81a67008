"""Skills of the ML worker: dataset, config, HPO and comparison. CPU only."""
