"""Every figure of the projector beside its yardstick: the benchmarks of its parts, one after the other.

Each of them can be run alone by its name.
"""

import importlib

PARTS = {
    "fold": "from Kafka >= 0.8 x the same statements decoded beforehand; two workers >= 1.6 x one",
    "growth": "a record costs the same at 1 M messages as at 10 k",
    "rebuild": "read models made anew >= 2 x the live rate: these figures' 2,000 events/s, and live's full speed",
    "latency": "acknowledged at the edge -> visible by API: p99 <= 1 s at 2,000 events/s",
    "lists": "a named pair at 1 M messages: p99 <= 25 ms, <= 1.5 x that at 10 k; an export <= 60 s, <= 200 MB",
}


async def main() -> None:
    """Run the parts, each after the figure it is to reach."""
    for name, wanted in PARTS.items():
        print(f"\n== {name}: {wanted}", flush=True)
        await importlib.import_module(f"benchmarks.{name}").main()
