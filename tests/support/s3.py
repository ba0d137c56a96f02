"""A real S3 server in a process of its own, on this machine, with one bucket."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import botocore.config

from services.runtime.objects import ObjectsConfig

BUCKET = "inkling-tests"
ACCESS_KEY = "tests"
SECRET_KEY = "tests-secret"
REGION = "eu-central-1"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class S3:
    """The server: where it listens and its process."""

    endpoint: str
    pid: int

    def config(self, prefix: str, bucket: str = BUCKET) -> ObjectsConfig:
        """Return the configuration of a store under that prefix."""
        return ObjectsConfig(
            store=f"s3://{bucket}/{prefix}",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            endpoint=self.endpoint,
            region=REGION,
        )


@contextmanager
def an_s3() -> Iterator[S3]:
    """Run the server for the length of a block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 our own interpreter
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = S3(f"http://127.0.0.1:{port}", process.pid)
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            # it is asked until it has started
            config=botocore.config.Config(retries={"total_max_attempts": 30, "mode": "standard"}),
        )
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        client.close()
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(_SECONDS)
