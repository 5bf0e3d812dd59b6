"""TA-Lib, without the half second and the 40 MB of pandas, which it loads only to accept series of it."""

import sys

_HAS_PANDAS = "pandas" in sys.modules
if not _HAS_PANDAS:
    sys.modules["pandas"] = None  # type: ignore[assignment]  # Python's way to say that a module is not there
try:
    import talib
finally:
    if not _HAS_PANDAS:
        del sys.modules["pandas"]

__all__ = ["talib"]
