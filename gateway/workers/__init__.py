"""Several processes behind one port: who starts them, what each may use, and what each does."""
