"""How Inkling is put on machines."""
