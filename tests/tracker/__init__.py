"""How hits become events: the tracker, file by file."""
