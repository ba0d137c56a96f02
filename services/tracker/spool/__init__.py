"""The spool: events on this node's disk while Kafka does not take them; `docs/spool.md` says how they lie there.

form, scan        bytes of a segment, and what of them can be believed; pure
records           an event as CloudEvents JSON and back; pure
bounds            how much may lie there, of whom, and why no more is taken; pure
disk              the few calls to the file system that all the others go through
growing, segments what is written, all or none; `ballast` keeps room for the end
writer            the thread in which that happens
recovery, slots   what was found after a crash, and whose it is
reading           oldest first, to be replayed, put aside or expired
spool             all of it as one, for the journal, the replay and the metrics
command           what an operator asks of the files
"""
