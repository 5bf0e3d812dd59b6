"""Print docs/golden-trades.md."""

import sys

from tests.golden.page import page

sys.stdout.write(page())
