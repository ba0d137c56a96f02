"""rewriter — mail in, followed mail out, with a reason for whatever is not followed.

In:        mail and inbound mail by POST, withdrawals of files by DELETE, preferences and settings by PUT (see web)
Out:       engagement.personal.v1, engagement.events.v1 (key: message id), engagement.settings.v1, the object store
Promises:  files and records are safe before it answers; what is not followed leaves as it came; same call, same bytes
Read:      web, mail_doors, mail, submission, options, directory, follow, html, links, mime, offer, instrument, copies,
           forms, filing, records, publish, settings, preferences, replies
"""
