"""What was used: counted in the process, kept in the state store, and in a history that outlives it."""
