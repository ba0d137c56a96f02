import io
import logging
import warnings
from collections.abc import Iterator

import orjson
import pytest

from services.runtime import log as logs

log = logs.get_logger("services.tracker.spool")


@pytest.fixture
def stream() -> Iterator[io.BytesIO]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    stream = io.BytesIO()
    logs.configure("tracker", "info", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.BytesIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line(stream: io.BytesIO) -> None:
    log.info("partition_assigned", partition=3)
    (line,) = lines(stream)
    assert str(line.pop("ts")).endswith("Z")
    assert line == {
        "level": "info",
        "event": "partition_assigned",
        "service": "tracker",
        "logger": "services.tracker.spool",
        "partition": 3,
    }


def test_what_is_less_severe_is_not_written(stream: io.BytesIO) -> None:
    log.debug("detail")
    assert lines(stream) == []


def test_foreign_text_is_cut_and_cannot_start_a_line(stream: io.BytesIO) -> None:
    log.warning("refused", user_agent="x\n{}" * 1000, broken="\ud800", number=2**70)
    (line,) = lines(stream)
    assert len(str(line["user_agent"])) == logs.FIELD_CHARACTERS
    assert (line["broken"], line["number"]) == ("?", str(2**70))


def test_a_field_cannot_pose_as_another_level_or_service(stream: io.BytesIO) -> None:
    log.info("seen", level="error", service="alerts", ts=0)
    (line,) = lines(stream)
    assert (line["level"], line["service"]) == ("info", "tracker")


def test_an_exception_comes_with_its_traceback(stream: io.BytesIO) -> None:
    try:
        raise ValueError("no good")
    except ValueError as error:
        log.error("crashed", exception=error)
    (line,) = lines(stream)
    assert line["error"] == "ValueError: no good"
    assert "test_log.py" in str(line["traceback"])


def test_records_of_libraries_become_json_too(stream: io.BytesIO) -> None:
    logging.getLogger("somebody.elses").warning("broker %s is gone", 7)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)
    first, second = lines(stream)
    assert (first["event"], first["message"]) == ("library", "broker 7 is gone")
    assert second["logger"] == "py.warnings"


def test_a_broken_pipe_breaks_nobody(stream: io.BytesIO) -> None:
    stream.close()
    log.info("still_here")


def test_what_tells_one_process_from_another_is_on_each_line(stream: io.BytesIO) -> None:
    logs.configure("tracker", "info", stream, always={"worker": 3})
    log.info("spool_opened", worker="an attempt to hide", level="debug")
    logging.getLogger("somebody.elses").warning("a library's")
    assert [(one["worker"], one["level"]) for one in lines(stream)] == [(3, "info"), (3, "warning")]
