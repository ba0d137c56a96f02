"""local — the whole of Inkling on one machine, for people and for tests.

In:        `make run`, `make test`; the ports of `ports.py`
Out:       Kafka, PostgreSQL and the four services on 127.0.0.1; `.run/stack.json`
Promises:  data survives a restart; nothing survives Ctrl-C; a killed supervisor stops no later run
Read:      run, stack, processes, broker, postgres, credentials
"""
