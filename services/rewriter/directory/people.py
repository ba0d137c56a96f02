"""A mail's recipients completed by what the directory says of those whose kind the call leaves out. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from schemas.identity import normal_address
from services.rewriter.directory.answers import Known
from services.rewriter.mail import Mail, Recipient


def unnamed(mail: Mail) -> list[str]:
    """List the addresses of which the call does not say what they are."""
    return [one.address for one in mail.recipients if not one.kind_told]


def complete(mail: Mail, found: Mapping[str, Known]) -> Mail:
    """Fill in what the call left out: kind, id, time zone. A refusal counts whoever knows of it.

    Who should have been found and was not is marked as unknown, which is neither followable nor an `other`.
    """
    recipients = tuple(_complete(one, found) for one in mail.recipients)
    return replace(mail, recipients=recipients)


def _complete(one: Recipient, found: Mapping[str, Known]) -> Recipient:
    if one.kind_told:
        return one
    known = found.get(normal_address(one.address))
    if known is None:
        return replace(one, kind_unknown=True)
    return replace(
        one,
        kind=known.kind,
        id=one.id or known.id,
        time_zone=one.time_zone or known.time_zone,
        refuses=one.refuses or known.refuses,
    )
