"""How requests share an engine: slots, lanes, queues, and who is next."""
