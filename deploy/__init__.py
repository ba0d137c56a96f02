"""How Inkling is put on machines; the product itself knows nothing of this."""
