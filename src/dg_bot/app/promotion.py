"""Hold a challenger against the model in office, by what the journal tells since either was last changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dg_bot.adapters.journal_reader import read_journal
from dg_bot.analysis.opinions import Voice
from dg_bot.analysis.promotion import Evidence, evidence
from dg_bot.app.challenger_names import ChallengerName
from dg_bot.app.scoring import opinions_of
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.events import Record, Started
from dg_bot.errors import ConfigurationError

# Another value of one of these is another model under the same name.
_MADE_OF = (
    "ENSEMBLE_AGREEMENT",
    "ENSEMBLE_MEMBERS",
    "LLM_SEED",
    "LLM_TEMPERATURE",
    "MODEL_PATH",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "STRATEGY",
    "STRATEGY_TIMEFRAME",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The evidence since both were what they are, and the settings that would put the challenger into office."""

    evidence: Evidence
    since: datetime | None
    settings: Mapping[str, str]


def promotion_of(settings: Settings, challenger: str, *, since: datetime | None = None) -> Promotion:
    """Weigh a challenger; `since` leaves out what came before it.

    Raises ConfigurationError for a model that is in office already or was never scored as a challenger, StateError and DataError.
    """
    champion = settings.decision_model
    if challenger == champion:
        raise ConfigurationError("DECISION_MODEL", f"is {challenger} already", "name one of CHALLENGERS")
    changed = last_change(read_journal(existing_journal(settings)))
    start = max((at for at in (changed, since) if at is not None), default=None)
    opinions = [one for one in opinions_of(settings) if start is None or one.at >= start]
    named = {ChallengerName.parse(text).label for text in settings.challengers}
    rivals = {one.model for one in opinions if one.voice is Voice.CHALLENGER} | named
    if challenger not in rivals:
        raise ConfigurationError("CHALLENGERS", f"names no {challenger}, and none was scored", "add it, and let it be scored")
    return Promotion(
        evidence=evidence(opinions, champion=champion, challenger=challenger, rivals=len(rivals - {champion})),
        since=start,
        settings=wanted_settings(settings, challenger),
    )


def wanted_settings(settings: Settings, challenger: str) -> Mapping[str, str]:
    """Say what to set so that a challenger decides, and whoever decides now challenges it."""
    named = {name.label: text for text, name in ((text, ChallengerName.parse(text)) for text in settings.challengers)}
    promoted = ChallengerName.parse(named.get(challenger, challenger))
    staying = [text for label, text in named.items() if label != challenger]
    return {**_office(promoted), "CHALLENGERS": ",".join([_as_challenger(settings, promoted), *staying])}


def _office(promoted: ChallengerName) -> Mapping[str, str]:
    """Give the settings under which it decides."""
    cutoff = "" if promoted.cutoff is None else promoted.cutoff.isoformat()
    match promoted.kind, promoted.other:
        case "llm", str(model):
            return {"DECISION_MODEL": "llm", "OPENAI_MODEL": model, "LLM_CUTOFF": cutoff}
        case "onnx", str(path):
            return {"DECISION_MODEL": "onnx", "MODEL_PATH": path}
        case kind, _:
            return {"DECISION_MODEL": kind}


def _as_challenger(settings: Settings, promoted: ChallengerName) -> str:
    """Name the model that leaves its office, whose own settings another one of its kind takes over."""
    champion = settings.decision_model
    if promoted.other is None or promoted.kind != champion:
        return champion
    if champion == "llm":
        return f"llm:{settings.openai_model}" + ("" if settings.llm_cutoff is None else f"@{settings.llm_cutoff}")
    return f"onnx:{settings.model_path}"


def last_change(records: Iterator[Record]) -> datetime | None:
    """Give when a start last had other settings of which models are made; None where there was one kind only."""
    made_of, changed = None, None
    for record in records:
        if isinstance(record.event, Started):
            found = {name: record.event.settings.get(name, "") for name in _MADE_OF}
            if made_of is not None and found != made_of:
                changed = record.at.astimezone(UTC)
            made_of = found
    return changed
