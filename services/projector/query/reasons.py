"""Sentences for the reasons why something is not followed.

The log holds codes; whoever prepared the mail decides which there are. A code that is not listed here is still
answered, with a sentence that fits them all.
"""

from collections.abc import Mapping
from typing import Final

UNLISTED: Final = "It was not followed."

SENTENCES: Final[Mapping[str, str]] = {
    "no_followable_recipient": "There is no account, contact or lead in To or Cc.",
    "recipient_refuses": "A recipient does not allow following.",
    "other_recipient": "A recipient is not an account, contact or lead.",
    "kind_not_followable": "Only accounts, contacts and leads are followed.",
    "directory_unavailable": "It could not be found out whether a recipient is an account, contact or lead.",
    "bcc_not_followed": "Recipients in Bcc are not followed, so that they stay hidden.",
    "too_many_for_shared_copy": "The shared copy has too many recipients to be followed.",
    "message_not_followed": "The email as a whole is not followed.",
    "engagement_off": "Email engagement is switched off for your organization.",
    "not_requested": "Following was not asked for.",
    "no_html": "The email is plain text, and only HTML email can be followed.",
    "signed": "The email is digitally signed, and following it would break the signature.",
    "encrypted": "The email is encrypted, so nothing in it can be followed.",
    "malformed": "The email is not well formed, so changing anything in it could have damaged it.",
    "unavailable": "Following was not available at that moment, so the email went out as it was written.",
    "opted_out": "The link is marked as not to be followed.",
    "anchor": "The link leads to a place in the email itself.",
    "not_http": "Only web links are followed; this one starts a mail, a call or something else.",
    "not_absolute": "The link is not a full web address.",
    "templated": "The link holds a placeholder that another program fills in later.",
    "unsafe_url": "The web address is malformed or could mislead, so it was left as it is.",
    "already_followed": "The link already is a tracking link.",
    "url_too_long": "The link would become too long for some mail programs.",
    "too_many_links": "The email has more links than are followed.",
    "excluded_domain": "Your organization does not follow links to this domain.",
    "unsubscribe": "Links to unsubscribe are left alone.",
    "file_damaged": "Mail programs may read the file in different ways, so it stays attached as it is.",
    "file_too_large": "The file is larger than your organization lets files be stored.",
    "file_type_forbidden": "Your organization does not let files of this type be stored.",
    "too_many_files": "The email has more files than are followed.",
    "shown_in_mail": "The email shows this picture in its text, so it is no file to download.",
}


def sentence(code: str) -> str:
    """Say a reason to the seller."""
    return SENTENCES.get(code, UNLISTED)
