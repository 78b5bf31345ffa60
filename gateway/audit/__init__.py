"""The audit log: one line of JSON for every request, whatever became of it."""
