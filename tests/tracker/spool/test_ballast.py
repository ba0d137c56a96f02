import errno
from pathlib import Path

from services.tracker.spool.ballast import Ballast, word
from tests.support.model_disk import ModelDisk

FOLDER = Path("/spool")


def a_disk(room: int | None = None) -> ModelDisk:
    disk = ModelDisk(room=room)
    disk.make_folder(FOLDER)
    return disk


def test_room_is_taken_and_given_back_once() -> None:
    disk = a_disk()
    ballast = Ballast(disk, FOLDER, 1000)
    assert ballast.make()
    assert ballast.make()
    assert disk.used() == 1000
    ballast.drop()
    assert disk.used() == 0
    calls = disk.calls
    ballast.drop()
    assert disk.calls == calls


def test_a_disk_without_room_is_told() -> None:
    ballast = Ballast(a_disk(room=999), FOLDER, 1000)
    assert not ballast.make()
    assert not ballast.there


def test_that_of_the_process_before_is_kept_if_it_is_as_large() -> None:
    disk = a_disk()
    Ballast(disk, FOLDER, 1000).make()
    again = Ballast(disk, FOLDER, 1000)
    assert again.make()
    assert disk.used() == 1000
    larger = Ballast(disk, FOLDER, 2000)
    assert larger.make()
    assert disk.used() == 2000


def test_where_it_cannot_be_made_the_spool_goes_without() -> None:
    disk = a_disk()
    disk.errors[disk.calls] = errno.EOPNOTSUPP
    ballast = Ballast(disk, FOLDER, 1000)
    assert ballast.make()
    assert not ballast.there
    assert ballast.make()
    assert disk.used() == 0


def test_none_is_made_where_none_is_wanted() -> None:
    disk = a_disk()
    assert Ballast(disk, FOLDER, 0).make()
    assert disk.names(FOLDER) == []


def test_an_error_is_called_by_its_name_and_not_by_its_path() -> None:
    assert word(OSError(errno.EIO, "input/output error", "/secret")) == "EIO"
    assert word(TimeoutError()) == "TimeoutError"
