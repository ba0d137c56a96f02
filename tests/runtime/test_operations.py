import asyncio
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, Counter

from services.runtime.config import DoorConfig
from services.runtime.lifecycle import Life
from services.runtime.operations import Heartbeat, operate, private_application

DOORS = DoorConfig(host="127.0.0.1", port=0, private_host="127.0.0.1", private_port=0)


async def look(life: Life, heartbeat: Heartbeat, path: str) -> tuple[int, Any]:
    app = private_application(life, CollectorRegistry(), heartbeat)
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        return response.status, await response.json(content_type=None)


async def test_ready_is_what_every_check_agrees_to() -> None:
    async with asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, 5)
        heartbeat = Heartbeat("tracker", CollectorRegistry())
        reason: list[str] = []
        life.checks.add("kafka", lambda: None)
        life.checks.add("postgres", lambda: reason[0] if reason else None)
        assert await look(life, heartbeat, "/readyz") == (200, {"ready": True})
        reason.append("no connection for 5 s")
        assert await look(life, heartbeat, "/readyz") == (503, {"ready": False})
        assert await look(life, heartbeat, "/readyz?verbose") == (
            503,
            {
                "ready": False,
                "draining": False,
                "checks": {"kafka": "ok", "postgres": "no connection for 5 s"},
            },
        )


async def test_whoever_drains_is_alive_and_not_ready() -> None:
    async with asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, 5)
        heartbeat = Heartbeat("tracker", CollectorRegistry())
        life.stop()
        assert (await look(life, heartbeat, "/readyz"))[0] == 503
        assert (await look(life, heartbeat, "/livez"))[0] == 200


async def test_a_blocked_loop_is_not_alive() -> None:
    async with asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, 5)
        registry = CollectorRegistry()
        heartbeat = Heartbeat("tracker", registry)
        heartbeat.observe(7.25)
        assert await look(life, heartbeat, "/livez") == (
            503,
            {"alive": False, "reason": "the event loop was blocked for 7.2 s"},
        )
        assert registry.get_sample_value("inkling_tracker_loop_delay_seconds_sum") == 7.25
        heartbeat.observe(0.0)
        assert (await look(life, heartbeat, "/livez"))[0] == 200


async def test_the_private_door_serves_what_operators_need() -> None:
    registry = CollectorRegistry()
    Counter("inkling_tracker_hits", "Hits.", registry=registry).inc()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, 5)
        life.checks.add("kafka", lambda: "kafka: not connected yet")
        life.checks.add("postgres", lambda: None)
        async with operate(DOORS, life, registry) as port, ClientSession() as session:
            private = f"http://127.0.0.1:{port}"
            async with session.get(f"{private}/metrics") as response:
                assert response.content_type == "text/plain"
                text = await response.text()
            async with session.get(f"{private}/version") as response:
                assert (await response.json())["service"] == "tracker"
            async with session.get(f"{private}/nowhere") as response:
                assert response.content_type == "application/problem+json"
            async with session.get(f"{private}/openapi.json") as response:
                assert response.status == 404
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"]
    assert "inkling_tracker_hits_total" in names
    assert "inkling_tracker_process_resident_memory_bytes" in names
    assert "inkling_tracker_build_info" in names
    assert 'inkling_tracker_check_failed{check="kafka"} 1.0' in text.splitlines()
    assert 'inkling_tracker_check_failed{check="postgres"} 0.0' in text.splitlines()
    assert all(name.startswith("inkling_tracker_") for name in names)
