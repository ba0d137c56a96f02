"""query — answers from the read models over HTTP; it reads, and only what the caller may see.

Read: web, scope, standing, forms, filters, parameters, selection, paging, lists, exports, message, timeline, kpis,
recipient, cursor; pure: named, ordering, shapes, sheet, status, reasons, reliability
"""
