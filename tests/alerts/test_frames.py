from hypothesis import given
from hypothesis import strategies as st

from services.alerts import frames


def test_the_opening_says_where_the_stream_begins_without_being_an_event() -> None:
    assert frames.opening(17) == b"id: 17\nretry: 3000\n\n"
    assert frames.retry(4200) == b"retry: 4200\n\n"
    assert frames.HEARTBEAT.startswith(b":")


@given(st.text())
def test_no_text_can_break_out_of_its_frame(subject: str) -> None:
    try:
        subject.encode()
    except UnicodeEncodeError:
        return  # the log holds no lone surrogates
    frame = frames.event(5, "message.first_opened", {"subject": subject})
    assert frame.startswith(b'id: 5\nevent: message.first_opened\ndata: {"subject":')
    assert frame.count(b"\n") == 4
    assert frame.endswith(b"\n\n")
    assert b"\r" not in frame
