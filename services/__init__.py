"""The four services of Inkling and the runtime they stand on.

rewriter     makes an outgoing mail a followed one
tracker      turns pixel, link and file requests into durable events
projector    folds the event log into read models, states facts, answers queries
alerts       turns facts into cards, streams, webhooks and reminders
runtime      how a process runs; knows no event and no mail

The services are independent of each other: they meet only in `schemas`, over Kafka.
"""
