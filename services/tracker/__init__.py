"""tracker — turns pixel, link and file requests from the open internet into durable events.

In:        GET and HEAD /o/{token}.gif, /c/{token}, /a/{token}, /i/{token}
Out:       engagement.events.v1 (key: message id)
Promises:  a 200 on the pixel is in Kafka or on this disk, or had nothing to record; a valid link always redirects
Read:      front/web, doors, books, mint, journal, spool/form, replay, refusals/table, files/file_doors, workers/command
"""
