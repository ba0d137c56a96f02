"""query — answers from the read models over HTTP; it reads, and only what the caller may see.

Read: web, scope, parameters, lists, message, timeline, cursor; pure: shapes, status, reasons, ordering
"""
