"""Tell an automatic reply from a person's, by the first rule that speaks; a person's is what none speaks of.

The rules are RFC 3834's and those that mail programs have besides; a closed list, stable at the door and in the log.
"""

from enum import StrEnum
from typing import Final

from services.rewriter.replies import addresses, subjects
from services.rewriter.replies.parse import Inbound

# What programs write that send answers by themselves; what they write into it differs and says nothing.
_MARKS: Final = (
    *("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply", "x-autorespond-from"),
    *("x-fc-machinegenerated", "x-ms-exchange-autoreply"),
)
_LISTS: Final = ("list-id", "list-unsubscribe", "feedback-id")
_DAEMONS: Final = ("mailer-daemon", "mail-daemon", "postmaster")


class Automatic(StrEnum):
    """Why a mail is held to be a machine's."""

    AUTO_SUBMITTED = "auto_submitted"
    AUTOREPLY_HEADER = "autoreply_header"
    POST_MESSAGE_CLASS = "post_message_class"
    PRECEDENCE = "precedence"
    AUTORESPONDER = "autoresponder"
    MAILING_LIST = "mailing_list"
    NULL_RETURN_PATH = "null_return_path"
    DAEMON = "daemon"
    SUBJECT = "subject"


def judge(mail: Inbound) -> Automatic | None:
    """Return the first rule by which a mail is automatic, or None for a person's."""
    return next((rule for rule, speaks in _RULES if speaks(mail)), None)


def is_from_daemon(mail: Inbound) -> bool:
    """Tell whether a mail server wrote the mail."""
    left = (addresses.author(mail.headers) or "").partition("@")[0].lower()
    name = (mail.headers.first("from") or "").lower()
    return left in _DAEMONS or "mailer-daemon" in name


def _auto_submitted(mail: Inbound) -> bool:
    said = [_word(value) for value in mail.headers.all("auto-submitted")]
    return any(one not in ("no", "") for one in said)


def _marked(mail: Inbound) -> bool:
    return any(
        _word(value) not in ("no", "false") for name in _MARKS for value in mail.headers.all(name)
    )


def _post_message_class(mail: Inbound) -> bool:
    return any(
        "autoresponder" in value.lower() for value in mail.headers.all("x-post-messageclass")
    )


def _precedence(mail: Inbound) -> bool:
    # "bulk" alone proves nothing, and with another rule that one speaks already
    said = [*mail.headers.all("precedence"), *mail.headers.all("x-precedence")]
    return any(_word(value) in ("auto_reply", "auto-reply") for value in said)


def _autoresponder(mail: Inbound) -> bool:
    return any(_word(value) == "autoresponder" for value in mail.headers.all("delivered-to"))


def _mailing_list(mail: Inbound) -> bool:
    return any(name in mail.headers for name in _LISTS)


def _null_return_path(mail: Inbound) -> bool:
    return any(value.replace(" ", "") == "<>" for value in mail.headers.all("return-path"))


def _subject(mail: Inbound) -> bool:
    return subjects.is_automatic(mail.subject)


def _word(value: str) -> str:
    """Take what a header says before its parameters and comments, in lower case."""
    return value.partition(";")[0].partition("(")[0].strip().lower()


_RULES: Final = (
    (Automatic.AUTO_SUBMITTED, _auto_submitted),
    (Automatic.AUTOREPLY_HEADER, _marked),
    (Automatic.POST_MESSAGE_CLASS, _post_message_class),
    (Automatic.PRECEDENCE, _precedence),
    (Automatic.AUTORESPONDER, _autoresponder),
    (Automatic.MAILING_LIST, _mailing_list),
    (Automatic.NULL_RETURN_PATH, _null_return_path),
    (Automatic.DAEMON, is_from_daemon),
    (Automatic.SUBJECT, _subject),
)
