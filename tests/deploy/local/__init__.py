"""The one-machine stack: ports, processes, servers, secrets."""
