"""Puts the rewriter together."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from services.rewriter.attachment_doors import AttachmentDoors
from services.rewriter.config import Config
from services.rewriter.directory.directory import Directory, open_directory
from services.rewriter.filing import Filing
from services.rewriter.mail_doors import MailDoors
from services.rewriter.metrics import Metrics
from services.rewriter.publish import Announcer
from services.rewriter.replies.doors import ReplyDoors
from services.rewriter.setting_doors import SettingDoors
from services.rewriter.settings import Settings
from services.rewriter.settings_reader import SettingsReader
from services.rewriter.tracking import Keys
from services.rewriter.web import openapi, public_application
from services.runtime.access import Verifier, open_verifier
from services.runtime.clock import Clock, Deadline
from services.runtime.collectors import Readings
from services.runtime.lifecycle import Life
from services.runtime.objects import ObjectStore, open_objects
from services.runtime.operations import operate
from services.runtime.publisher import Limits, Publisher, Publishing
from services.runtime.web import RequestMetrics, Validator, serve

# A caller can wait out the election of a partition's leader, which a hit cannot.
PUBLISH_SECONDS: Final = 5.0


@asynccontextmanager
async def build(config: Config, life: Life) -> AsyncIterator[None]:
    """Serve the doors while the context is open, with Kafka there or not; then finish what was taken and leave."""
    registry = CollectorRegistry()
    counted = Metrics(registry)
    limits = Limits(publish_seconds=PUBLISH_SECONDS)
    publisher = Publisher(config.kafka.servers, "rewriter", life.clock, limits)
    settings = Settings()
    watch(Readings("rewriter", registry), settings, publisher)
    life.checks.add("kafka", publisher.healthy)
    life.checks.add("settings", settings.healthy)
    # The object store is no reason to be unready: most mail needs none, and another rewriter has the same one.
    objects = open_objects(config.objects)
    async with (
        operate(config.doors, life, registry),
        open_verifier(config.access, life.clock) as verifier,
        open_directory(config.directory, life.clock, counted) as directory,
    ):
        life.checks.add("keys", verifier.healthy)
        reader = SettingsReader(config.kafka.servers, "rewriter-settings", settings)
        life.tasks.create_task(publisher.run(), name="publisher")
        life.tasks.create_task(reader.run(), name="settings")
        parts = Parts(
            publisher=publisher,
            objects=objects,
            settings=settings,
            verifier=verifier,
            clock=life.clock,
            entropy=os.urandom,
            metrics=counted,
            requests=RequestMetrics("rewriter", registry),
            directory=directory,
        )
        app = assemble(config, parts)
        try:
            async with serve(app, config.doors.host, config.doors.port, life):
                yield
        finally:
            await publisher.drain(Deadline.after(life.clock, life.remaining()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the doors are wired to: whatever publishes, whatever holds files and settings, time and chance."""

    publisher: Publishing
    objects: ObjectStore
    settings: Settings
    verifier: Verifier
    clock: Clock
    entropy: Callable[[int], bytes]
    metrics: Metrics
    requests: RequestMetrics
    directory: Directory | None = None


def assemble(config: Config, parts: Parts) -> web.Application:
    """Wire the public door."""
    document = openapi()
    announcer = Announcer(parts.publisher, parts.clock, parts.metrics)
    filing = Filing(parts.objects, parts.clock, parts.metrics)
    mail = MailDoors(
        keys=Keys(tokens=config.token_keys, recipients=config.recipient_key),
        tracking_url=config.tracking_url,
        settings=parts.settings,
        filing=filing,
        announcer=announcer,
        validator=Validator(document, "Mail"),
        clock=parts.clock,
        entropy=parts.entropy,
        metrics=parts.metrics,
        directory=parts.directory,
    )
    replies = ReplyDoors(
        keys=Keys(tokens=config.token_keys, recipients=config.recipient_key),
        tracking_url=config.tracking_url,
        settings=parts.settings,
        announcer=announcer,
        clock=parts.clock,
        metrics=parts.metrics,
    )
    attachment = AttachmentDoors(filing, parts.clock)
    setting = SettingDoors(
        recipient_key=config.recipient_key,
        settings=parts.settings,
        announcer=announcer,
        openapi=document,
        clock=parts.clock,
        entropy=parts.entropy,
        metrics=parts.metrics,
    )
    return public_application(
        mail, attachment, replies, setting, document, parts.verifier, parts.requests
    )


def watch(readings: Readings, settings: Settings, publisher: Publisher) -> None:
    """Show the figures that others keep."""
    readings.gauge("settings", "Settings held in memory.", lambda: len(settings))
    readings.gauge(
        "settings_next_offset",
        "Where the settings are read next; behind the topic's end for long means stale settings.",
        lambda: settings.next_offset,
    )
    readings.counter(
        "settings_refused",
        "Records of the settings topic that could not be read; above 0, look at the log.",
        lambda: settings.refused,
    )
    readings.publisher(publisher)
