"""A plugin for mutation runs: what was made before a mutant was chosen would hide it, and its tests too."""

import os

from dg_bot.adapters.typed_json import codec_of

# A mutant chooses its code as it runs, which cannot be compiled: the kernel runs as plain Python.
os.environ["NUMBA_DISABLE_JIT"] = "1"


def pytest_runtest_setup() -> None:
    """Forget the codecs, which unspoilt code has made; so each test that uses one is seen to make it."""
    codec_of.cache_clear()
