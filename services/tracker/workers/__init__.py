"""Several processes behind one public port: one supervisor, which serves nobody, and its workers, which do.

Read: command, seat, supervisor, post, worker, lifeline, listening
"""
