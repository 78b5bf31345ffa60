"""The gateway beside its peers: the same machine, engine, checkpoint and requests, in one run."""
