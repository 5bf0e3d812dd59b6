"""Fuzz the parsers: `python -m tests.fuzz --inputs 1000000 --seed 1`; prints a line a parser and writes the figures."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import Tally, campaign

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "fuzz.json"
_PUBLISHED_INPUTS = 1_000_000


def main() -> int:
    """Run a campaign; gives 1 where anything but a declared error came out of a parser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=_PUBLISHED_INPUTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    started = time.perf_counter()
    tallies = campaign(inputs=asked.inputs, seed=asked.seed, processes=asked.processes)
    seconds = time.perf_counter() - started
    for name, tally in tallies.items():
        accepted, slowest_ms = tally.outcomes["accepted"], tally.slowest_s * 1000
        told = f"{accepted:9,} accepted {tally.escaped:6} escapes {slowest_ms:8.1f} ms at most"
        print(f"{name:22} {tally.inputs:9,} inputs {told}")
        for escape in tally.escapes:
            print(f"    {escape}")
    escapes = sum(tally.escaped for tally in tallies.values())
    total = sum(tally.inputs for tally in tallies.values())
    print(f"{total:,} inputs, {escapes} escapes, {seconds:.0f} s, seed {asked.seed}")
    if asked.inputs >= _PUBLISHED_INPUTS:  # figures of a shorter campaign do not take the place of what is published
        RESULTS.write_text(json.dumps(_figures(tallies, asked.seed, seconds), indent=1) + "\n")
    return 1 if escapes else 0


def _figures(tallies: dict[str, Tally], seed: int, seconds: float) -> dict[str, object]:
    return {
        "inputs": sum(tally.inputs for tally in tallies.values()),
        "escapes": sum(tally.escaped for tally in tallies.values()),
        "seed": seed,
        "seconds": round(seconds),
        "parsers": {
            name: {"inputs": tally.inputs, "escapes": tally.escaped, "outcomes": dict(sorted(tally.outcomes.items()))}
            for name, tally in tallies.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
