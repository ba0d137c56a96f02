"""`python -m tests.fuzz heads|mime|tokens [--seconds N] [--corpus FOLDER]`: search for an input that breaks a law.

Stops at the first, prints it and keeps it in the folder `<corpus>-found`; then it belongs into `tests/fuzz/examples/`.
The exit code is 0 when nothing was found, 2 where the fuzzer is not installed.
"""

import argparse
import hashlib
import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

# What tells the fuzzer how far it came. aiohttp's parser in Python follows the one in C, into which it cannot look.
WATCHED = {
    "heads": [
        "tests.fuzz.heads",
        "services.tracker.front.heads",
        "services.tracker.front.blocks",
        "aiohttp.http_parser",
    ],
    "html": ["tests.fuzz.html", "services.rewriter.html", "services.rewriter.references"],
    "mime": ["services.rewriter.mime"],
    "tokens": ["tests.fuzz.tokens", "schemas.token"],
}
_MISSING = (
    "atheris is not installed: it has wheels for CPython 3.11 to 3.13 on Linux with x86-64 only."
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code, or ends the process with libFuzzer's own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=WATCHED)
    parser.add_argument("--seconds", type=int, default=600, help="how long to search")
    parser.add_argument("--corpus", type=Path, help="kept between runs; .run/fuzz/<target>")
    chosen = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        sys.stderr.write(f"{_MISSING}\n")
        return 2
    _search(chosen.target, chosen.seconds, chosen.corpus or Path(".run", "fuzz", chosen.target))
    return 0


def _search(target: str, seconds: int, corpus: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=WATCHED[target]):
        laws = importlib.import_module(f"tests.fuzz.{target}")
    found = corpus.with_name(f"{corpus.name}-found")
    words = found / "words"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in laws.seeds().values():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in laws.WORDS))
    options = {
        "max_total_time": seconds,
        "max_len": laws.MOST_BYTES,
        "dict": words,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
        "use_value_profile": 1,
    }
    told = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *told, str(corpus)], laws.check)
    atheris.Fuzz()  # ends the process


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
