"""Take secret values out of any text, in whatever spelling they reach it."""

import json
import re
import resource
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
MINIMUM_LENGTH = 6
# What a secret looks like when nobody told us its value: a bot token in a URL, and what follows "Bearer" in a header.
_SHAPES = r"""bot\d+(?::|%3[Aa])[^\s"']+|(?i:bearer)\s+[^\s"']+"""


class Redactor:
    """Replaces every known secret value by `***`; the longest one wins where two begin at one place.

    A value is also found URL-encoded, JSON-escaped and as Python writes it in a repr; of a URL with a password in it, the
    password alone is a secret too. Values shorter than 6 characters are left alone, because they would tear ordinary words
    apart: `ignored` counts them so that the caller can say so.
    """

    def __init__(self, values: Iterable[str]) -> None:
        given = {value for value in values if value}
        secrets = {value for value in given if len(value) >= MINIMUM_LENGTH}
        self.ignored = len(given) - len(secrets)
        secrets |= {password for value in secrets for password in _passwords(value)}
        forms = {form for value in secrets for form in _spellings(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), _SHAPES]))

    def clean(self, text: str) -> str:
        """Give `text` with each secret replaced by `***`."""
        return self._pattern.sub(MASK, text)


def forbid_core_dumps() -> None:
    """Keep what this process and its children hold in memory, keys among it, off the disk should one of them crash."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield quote(value)
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]


def _passwords(value: str) -> Iterator[str]:
    """Give the password inside a connection URL, as written and decoded."""
    if "://" not in value:
        return
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return
    yield from (form for form in {password, unquote(password)} if len(form) >= MINIMUM_LENGTH)
