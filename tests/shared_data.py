"""Recorded market data and venue answers that live beside the checkout; tests that need them skip where they are absent."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(path: str) -> Path:
    """Give the path of a recorded file, or skip the test and say which file is missing."""
    file = ROOT / path
    if not file.exists():
        pytest.skip(f"recorded data is not here: ../shared/data/{path}")
    return file
