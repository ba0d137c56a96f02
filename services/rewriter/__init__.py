"""rewriter — mail in, followed mail out, with a reason for whatever is not followed.

In:        POST /v1/mail and /v1/mail:preview, GET and PUT /v1/preferences/{address} and /v1/tenant
Out:       engagement.personal.v1, engagement.events.v1 (key: message id), engagement.settings.v1
Promises:  records are safe before it answers; what is not followed leaves as it came; the same call, the same bytes
Read:      web, mail_doors, mail, follow, html, links, instrument, records, publish, settings, setting_doors
"""
