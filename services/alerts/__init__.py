"""alerts — turns facts into what a seller should know: cards in an inbox and on a live stream, and webhooks.

In:        engagement.facts.v1, engagement.personal.v1; GET /v1/alerts, /v1/alerts/stream, /v1/webhooks…
Out:       its PostgreSQL schema; calls to the endpoints of webhooks; nothing on the log
Promises:  one fact, one alert; a stream resumes with exactly what it missed; a seller sees the own alerts only;
           a webhook arrives at least once, under one id
Read:      facts, apply, cards, store, bell, stream, webhooks, web
"""
