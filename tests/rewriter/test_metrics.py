from prometheus_client import CollectorRegistry

from schemas.files import FileKind
from services.rewriter.metrics import MailOutcome, Metrics, SettingDoor, Tally
from tests.rewriter.given import a_recipient, prepared


def test_a_recorded_mail_is_counted_with_its_reasons() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    files = [{"name": "a", "content": "", "followed": True}, {"name": "b", "content": ""}]
    people = [a_recipient(1), a_recipient(2, kind="other")]
    metrics.record(Tally.of(prepared(to=people, attachments=files, host_pictures=True)))
    metrics.store(FileKind.PICTURE, 70)
    metrics.record(Tally.of(prepared(follow=False)))
    metrics.put(SettingDoor.TENANT)

    def counted(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"inkling_rewriter_{name}", labels)

    assert counted("mails_total", outcome="followed") == 1
    assert counted("mails_total", outcome="not_followed") == 1
    assert counted("mails_total", outcome=MailOutcome.REFUSED) == 0
    assert counted("mail_reasons_total", reason="none") == 1
    assert counted("mail_reasons_total", reason="not_requested") == 1
    assert counted("recipients_total", reason="kind_not_followable") == 1
    assert counted("links_total", reason="none") == 2
    assert counted("links_total", reason="not_http") == 2
    assert counted("files_total", reason="none") == 1
    assert counted("files_total", reason="not_requested") == 1
    assert counted("pictures_total", reason="not_shown") == 2
    assert counted("stored_files_total", kind="picture") == 1
    assert counted("stored_bytes_total", kind="picture") == 70
    assert counted("stored_bytes_total", kind="attachment") == 0
    assert counted("settings_put_total", kind="tenant") == 1
