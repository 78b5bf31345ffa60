"""Thin routes: from a path to a wire format and the pipeline."""
