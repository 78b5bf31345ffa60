"""Answers that were given before: their keys, their stored form, and where they are kept."""
