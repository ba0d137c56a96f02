"""Whose hits are not recorded: recipients who do not allow following, tenants that have engagement off.

Read: table, snapshot, fold, follower, keeper. The keeper's `Refusals` is all that the rest of the tracker sees.
`table` decides, `snapshot` keeps it on the disk beside the spool, `fold` takes the settings topic into it, `follower`
reads that topic. `docs/decisions/0021-refusals-at-the-hit.md` says why it is so.
"""
