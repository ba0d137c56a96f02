"""alerts — turns facts into what a seller should know: cards in an inbox and on a live stream.

In:        engagement.facts.v1, engagement.personal.v1; GET /v1/alerts, /v1/alerts/stream
Out:       its PostgreSQL schema; nothing on the log
Promises:  one fact, one alert; a stream resumes with exactly what it missed; a seller sees the own alerts only
Read:      facts, apply, cards, store, bell, stream, web
"""
