"""The manifest of a model file: what it is, what it was made from, and what it has been held to; JSON beside the file."""

import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dg_bot.analysis.features import FeatureSchema
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.models.dataset import MOST_HORIZON_HOURS

SCHEMA_VERSION = 1

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    """What is not known is refused, and nothing is turned into another type to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileFacts(_Strict):
    """The model file that the manifest is of."""

    sha256: _Sha256
    size_bytes: _Count


class FeatureFacts(_Strict):
    """What the model is shown, in this order, with the least and the greatest value of each that it was trained on."""

    schema_sha256: _Sha256
    names: tuple[str, ...]
    window_bars: _Count
    bar_minutes: _Count
    formulas: _Count
    low: tuple[_Number, ...]
    high: tuple[_Number, ...]


class LabelFacts(_Strict):
    """What the model was asked: the return over `horizon_hours` less `cost_fraction`, and whether that is above zero."""

    horizon_hours: Annotated[int, Field(ge=1, le=MOST_HORIZON_HOURS)]
    cost_fraction: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class DataFacts(_Strict):
    """The candles of one market that it was trained on: opening of the first and of the last, and the hash of all columns."""

    market: str
    rows: _Count
    first: datetime
    last: datetime
    sha256: _Sha256


class SplitFacts(_Strict):
    """How its kind was judged out of sample: windows one after the other, in hours."""

    windows: _Count
    train_hours: _Count
    test_hours: _Count
    purge_hours: _Count
    embargo_hours: _Count


class DriftFacts(_Strict):
    """What shows that it has lost its way: so many equal answers in a row, or a feature so many times its range outside it."""

    same_outputs: Annotated[int, Field(ge=2, le=1000)]
    range_margin: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Manifest(_Strict):
    """Everything that is known of one model file. `metrics` are out of sample; `cutoff` is the last moment of its data."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
    kind: str
    file: FileFacts
    features: FeatureFacts
    label: LabelFacts
    data: tuple[DataFacts, ...]
    cutoff: datetime
    split: SplitFacts
    drift: DriftFacts
    seed: int
    parameters: dict[str, float | int | str]
    metrics: dict[str, float | None]
    libraries: dict[str, str]

    @property
    def schema_of_features(self) -> FeatureSchema:
        facts = self.features
        return FeatureSchema(
            names=facts.names, window_bars=facts.window_bars, bar_minutes=facts.bar_minutes, formulas=facts.formulas
        )

    @property
    def markets(self) -> frozenset[Market]:
        return frozenset(Market(facts.market) for facts in self.data)


def read_manifest(source: str, text: bytes) -> Manifest:
    """Read a manifest; raises DataError naming the first field that is missing, unknown, given twice or impossible."""
    try:
        json.loads(text, object_pairs_hook=_each_once)
        manifest = Manifest.model_validate_json(text)
        if not manifest.markets or manifest.features.schema_sha256 != manifest.schema_of_features.sha256:
            raise DataError(source, "names no market, or a schema_sha256 that is not that of its features")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(source, f"field {place}: {first['msg']}") from error
    except ImpossibleValue as error:
        raise DataError(source, f"field data: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(source, f"is no JSON object ({error})") from error
    if not len(manifest.features.low) == len(manifest.features.high) == len(manifest.features.names):
        raise DataError(source, "field features: low, high and names have different lengths")
    return manifest


def manifest_text(manifest: Manifest) -> str:
    """Write a manifest as it is read; the same facts give the same text."""
    return json.dumps(manifest.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands there twice")
    return dict(pairs)
