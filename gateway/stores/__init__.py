"""Redis or Valkey: one of the operator's by address, or one that the gateway runs itself."""
