"""Tells other systems of facts: Standard Webhooks 1.0, at least once, under an id that never changes.

Read: `kinds`, `enqueue` (rows beside the fold), `deliver` with `queue`, `lanes`, `schedule` (when), `body`, `sign`
(what), `egress` with `address` (where to, and where never), `doors` with `store`.
"""
