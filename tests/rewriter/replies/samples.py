"""Inbound mails to judge: those of the corpus, with the tokens filled in that only a test can make."""

from pathlib import Path

from schemas import identity, instant, token
from schemas.identity import MessageId
from services.rewriter.replies.judge import Judgement, judge
from services.rewriter.replies.match import Terms
from tests.rewriter.given import KEYS, MESSAGE, TENANT

FOLDER = Path(__file__).parents[1] / "corpus"
REPLY_DOMAIN = "reply.demo.example"
TERMS = Terms(
    tenant=TENANT,
    ring=KEYS.tokens,
    recipient_key=KEYS.recipients,
    reply_domain=REPLY_DOMAIN,
    hosts=frozenset({"t.example"}),
)
RECEIVED_AT = instant.parse("2026-07-15T08:30:00Z")
PERSON = TERMS.ref("p1@customer.example")
SENDER = TERMS.ref("ana@demo.example")
CALLERS: MessageId = identity.message_of_header(TENANT, "<offer-1@demo.example>")
REPLY_TOKEN = token.mint_reply(KEYS.tokens, TENANT, MESSAGE, PERSON)
OUR_ID = token.mint_message_id(KEYS.tokens, TENANT, MESSAGE)
_FILLED = {
    b"@@TOKEN@@": REPLY_TOKEN.encode(),
    b"@@TOKENUPPER@@": REPLY_TOKEN.upper().encode(),
    b"@@OURID@@": OUR_ID.encode(),
}


def filled(raw: bytes) -> bytes:
    """Put the tokens where the corpus has names for them."""
    for name, value in _FILLED.items():
        raw = raw.replace(name, value)
    return raw


def sample(name: str) -> bytes:
    """Load a mail of the corpus."""
    return filled((FOLDER / f"{name}.eml").read_bytes())


def judged(raw: bytes, terms: Terms = TERMS) -> Judgement:
    """Judge a mail as it comes in on a day in July."""
    return judge(raw, terms, RECEIVED_AT)


def reply(*fields: str, body: str = "Yes.") -> bytes:
    """Write a mail with these header fields."""
    head = ("From: Li Wang <p1@customer.example>", "Message-ID: <r1@customer.example>", *fields)
    return filled("\r\n".join([*head, "", body, ""]).encode())
