"""A plugin for mutation runs: what was cached before a mutant was chosen would hide it, and its tests too."""

from dg_bot.adapters.typed_json import codec_of


def pytest_runtest_setup() -> None:
    """Forget the codecs, which unspoilt code has made; so each test that uses one is seen to make it."""
    codec_of.cache_clear()
