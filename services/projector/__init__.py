"""projector — turns events into answers, and states what happened for the first time.

In:        engagement.events.v1, .personal.v1, .settings.v1; GET /v1/messages and the other query doors
Out:       its PostgreSQL schema; engagement.facts.v1 (key: message id)
Promises:  each event counts exactly once, in any order; one fact once; all and human side by side, with the rule
Read:      reading, admission, hits, staging, verdicts, apply, projections, views, facts, days, query, rebuild
"""
