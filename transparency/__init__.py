"""The transparency log: proof, for whoever keeps a checkpoint, that the record only grows."""
