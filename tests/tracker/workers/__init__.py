"""Several processes behind one public port, with real processes and real sockets."""
