"""runtime — how a process of ours starts, talks, fails and stops; it knows no event and no mail.

Starts and stops:  config, parsers, log, lifecycle
Answers HTTP:      problem, access, requests, web, operations
Keeps and sends:   kafka, publisher, postgres, migrations, outbox, objects
Folds the log:     leases, checkpoint, quarantine, consumer
Underneath all:    errors, clock, retry
Read:              lifecycle, web, consumer

A module enters only if two services use it already, it names no event type, URL, template or
rule, and its description needs no "and". It never imports `schemas` nor a service.
"""
