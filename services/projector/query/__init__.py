"""query — answers from the read models over HTTP; it reads, and only what the caller may see.

Read: web, scope, standing, parameters, lists, message, timeline, kpis, recipient, cursor; pure: shapes, status,
reasons, reliability, ordering
"""
