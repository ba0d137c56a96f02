"""The consumer under a seed: simulated time, broker and database, faults at random, and what must hold all the same."""
