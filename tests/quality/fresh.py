"""A plugin for mutation runs: what was cached before a mutant was chosen would hide it."""

from dg_bot.adapters.typed_json import codec_of


def pytest_sessionstart() -> None:
    """Forget the codecs, which a run before this one made of unspoilt code."""
    codec_of.cache_clear()
