"""Write domain values as JSON text whose numbers are as exact as jsonb keeps them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.market import Market
from dg_bot.domain.money import plain


def to_json(value: object) -> str:
    """Write a value of the domain: dataclasses as objects, times in ISO 8601, decimals digit by digit.

    A float that is not finite is absent (an indicator during warm-up) and becomes null; a decimal that is not finite is a mistake
    and stays readable as a string. The text is ASCII. Raises TypeError for anything that is not a value.
    """
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case float():
            return repr(value) if math.isfinite(value) else "null"
        case Decimal():
            return plain(value) if value.is_finite() else json.dumps(str(value))
        case datetime():
            return json.dumps(value.isoformat())
        case Market():
            return json.dumps(value.code)
        case Mapping():
            return _object(value)
        case Sequence():
            return f"[{', '.join(to_json(item) for item in value)}]"
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _object({field.name: getattr(value, field.name) for field in fields(value)})
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form here")


def _object(members: Mapping[object, object]) -> str:
    return "{" + ", ".join(f"{json.dumps(str(key))}: {to_json(member)}" for key, member in members.items()) + "}"
