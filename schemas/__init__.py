"""What crosses a process boundary, or years: events, envelope, identity, tokens, topics.

Imports nothing of ours and does nothing: no clock, no entropy, no input or output but the contract's own files.

Read:  events, envelope, identity, token, topics
Data:  json/ (one closed JSON Schema per type and version), examples/ (golden payloads, golden tokens)
"""
