"""How the object store is named, and what is said when it cannot be used."""

from pathlib import Path

import pytest

from services.runtime.config import SHARED, ConfigError, document, load
from services.runtime.errors import Fatal, Transient
from services.runtime.objects import ObjectsConfig, open_objects

SECRET = "canary-5f0c"
S3 = {
    "INKLING_OBJECT_STORE": "s3://files/inkling",
    "INKLING_OBJECT_STORE_ACCESS_KEY": "an-id",
    "INKLING_OBJECT_STORE_SECRET_KEY": SECRET,
    "INKLING_OBJECT_STORE_ENDPOINT": "http://127.0.0.1:1",
}


def problems(**changes: str) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load(ObjectsConfig, S3 | changes, "tracker")
    return refusal.value.problems


@pytest.mark.parametrize(
    "address", ["file:///var/lib/objects", "file:///with%20blank", "s3://bucket", "s3://b/a/b"]
)
def test_a_folder_or_a_bucket_is_named_by_a_url(address: str) -> None:
    assert load(ObjectsConfig, {"INKLING_OBJECT_STORE": address}, "tracker").store == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "objects",
        "/var/lib/objects",
        "file://objects",
        "file://./objects",
        "file:objects",
        "s3://",
        "s3:///prefix",
        "s3://bucket?x=1",
        "s3://bucket#x",
        "s3://b\nc",
        f"s3://id:{SECRET}@bucket",
    ],
)
def test_any_other_address_is_refused(address: str) -> None:
    (problem,) = problems(INKLING_OBJECT_STORE=address)
    assert problem.startswith("INKLING_OBJECT_STORE must")


def test_a_key_without_its_secret_is_refused() -> None:
    (problem,) = problems(INKLING_OBJECT_STORE_ACCESS_KEY="")
    assert "go together" in problem


def test_every_name_may_stand_in_an_environment_shared_by_all_services() -> None:
    for entry in document(ObjectsConfig, "tracker"):
        assert entry.name in SHARED
        assert not entry.secret or f"{entry.name}_FILE" in SHARED


def test_the_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "some where" / "objects"
    open_objects(ObjectsConfig(store=folder.as_uri()))
    assert folder.is_dir()


def test_a_folder_that_cannot_be_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match="INKLING_OBJECT_STORE cannot be used"):
        open_objects(ObjectsConfig(store=(tmp_path / "file" / "objects").as_uri()))


def test_an_address_that_no_store_knows_is_fatal() -> None:
    with pytest.raises(Fatal, match="INKLING_OBJECT_STORE cannot be used"):
        open_objects(ObjectsConfig(store="gopher://host/path"))


async def test_a_server_that_is_not_there_is_transient_and_no_secret_shows() -> None:
    objects = open_objects(load(ObjectsConfig, S3, "tracker"))
    with pytest.raises(Transient) as failure:
        await objects.probe()
    assert SECRET not in f"{failure.value} {objects.healthy()} {load(ObjectsConfig, S3, 'tracker')}"
    assert objects.healthy() == str(failure.value)
