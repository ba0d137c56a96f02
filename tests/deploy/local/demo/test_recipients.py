from email.message import EmailMessage

from deploy.local.demo.recipients import Copy

TRACKER = "http://127.0.0.1:7400"


def test_a_copy_shows_its_links_and_pictures_as_a_mail_program_sees_them() -> None:
    html = f'<a href="{TRACKER}/c/x?a=1&amp;b=2">x</a><area HREF=\'y\'><img src="{TRACKER}/o/t.gif"><a>no</a>'
    assert Copy.of(html, TRACKER) == Copy(
        TRACKER, (f"{TRACKER}/c/x?a=1&b=2", "y"), (f"{TRACKER}/o/t.gif",)
    )


def test_a_raw_copy_shows_what_its_html_does() -> None:
    mail = EmailMessage()
    mail.set_content("See https://x.example/")
    assert Copy.of_mail(EmailMessage(), TRACKER) == Copy(TRACKER, (), ())
    mail.add_alternative("<a href='https://x.example/'>x</a>", subtype="html")
    assert Copy.of_mail(mail, TRACKER).links == ("https://x.example/",)
