import errno
from contextlib import suppress
from pathlib import Path

import pytest

from services.tracker.spool.quarantine import TORN, Quarantine
from services.tracker.spool.scan import Range
from tests.support.model_disk import ModelDisk, PowerLoss

FOLDER = Path("/spool/quarantine")
SEGMENT = Path("/spool/worker-0/00000000000000000001-0a0b0c0d.seg")


def a_quarantine() -> tuple[ModelDisk, Quarantine]:
    disk = ModelDisk()
    disk.make_folder(FOLDER)
    disk.sync_folder(Path("/"))
    disk.sync_folder(FOLDER.parent)
    return disk, Quarantine(disk, FOLDER)


def test_a_range_is_kept_once_under_the_name_of_where_it_was() -> None:
    disk, quarantine = a_quarantine()
    assert quarantine.keep(SEGMENT, Range(2, 5), b"abcdefgh")
    assert not quarantine.keep(SEGMENT.with_suffix(".open"), Range(2, 5), b"abcdefgh")
    assert quarantine.keep(SEGMENT, Range(5, 8), b"abcdefgh", TORN)
    assert {path.name: data for path, data in disk.files().items()} == {
        "00000000000000000001-0a0b0c0d-2-5.bad": b"cde",
        "00000000000000000001-0a0b0c0d-5-8.torn": b"fgh",
    }


@pytest.mark.parametrize("lost_at", range(6))
def test_power_lost_meanwhile_leaves_all_of_it_or_nothing(lost_at: int) -> None:
    for seed in range(20):
        disk, quarantine = a_quarantine()
        disk._random.seed(seed)
        disk.lose_power_at = disk.calls + lost_at
        kept = False
        with suppress(PowerLoss):
            kept = quarantine.keep(SEGMENT, Range(0, 3000), b"x" * 3000)
        disk.crash()
        names = [name for name in disk.names(FOLDER) if name.endswith(".bad")]
        assert not kept or names
        assert all(disk.read(FOLDER / name) == b"x" * 3000 for name in names)
        quarantine.keep(SEGMENT, Range(0, 3000), b"x" * 3000)
        assert [name.endswith(".bad") for name in disk.names(FOLDER)] == [True]


def test_what_could_not_be_kept_is_told() -> None:
    disk, quarantine = a_quarantine()
    disk.errors[disk.calls + 2] = errno.EIO
    with pytest.raises(OSError, match="told to fail"):
        quarantine.keep(SEGMENT, Range(0, 1), b"x")
    assert quarantine.keep(SEGMENT, Range(0, 1), b"x")
