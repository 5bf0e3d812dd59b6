"""The first-run dialogue: what is asked, what is looked at before it is believed, and the settings that come of it."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.loopback import is_loopback
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.app.key_check import check_key
from dg_bot.app.person import Person
from dg_bot.app.setting_errors import setting_error
from dg_bot.app.settings import CONTAINER_NAMES, OFFICIAL_TELEGRAM, OFFICIAL_UPBIT, Settings, secret_names
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import BotError, ConfigurationError, StoreError, UnsafeSetup
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.setup_texts import setup_texts

_PASSWORDS = ("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "GRAFANA_DATABASE_PASSWORD", "GRAFANA_PASSWORD")
_KEYS = ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY")


class SetupDialogue:
    """Asks a person and gives the settings. Secrets are told to nobody but the exchange and Telegram, whose they are."""

    def __init__(self, person: Person, *, present: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """`present` are the settings that are there already, `environment` those of the process, for where the venue is."""
        self._person = person
        self._values = dict(present)
        self._environment = environment
        self._texts = setup_texts(Language.ENGLISH)

    def run(self) -> dict[str, str]:
        """Ask everything; raises ConfigurationError where the answers end early."""
        self._ask("BOT_LANGUAGE", "Language / 언어: en or ko", default="ko")
        self._texts = setup_texts(Language(self._values["BOT_LANGUAGE"]))
        self._tell("intro")
        self._ask("MODE", self._texts["mode"], default="paper")
        self._ask("MARKETS", self._texts["markets"], default="KRW-BTC,KRW-ETH")
        if self._values["MODE"] == Mode.LIVE:
            self._ask_key()
            self._confirm("KEY_SCOPE_CONFIRMED", "scope")
            self._confirm("LIVE_TRADING_CONFIRMED", "real_money")
        self._ask_telegram()
        if self._agrees("containers", default="no"):
            self._make_passwords()
        return self._values

    def say(self, key: str, **fields: str) -> None:
        """Tell a text of the dialogue's language."""
        self._tell(key, **fields)

    def may_write(self, path: Path) -> bool:
        """Show what would be written, without the secrets, and ask; a file that is there is never replaced unasked."""
        self._tell("summary", path=str(path))
        hidden = secret_names()
        for name, value in self._values.items():
            self._person.tell(f"  {name}={'set' if name in hidden else value}")
        return self._agrees("replace", default="no", path=str(path)) if path.exists() else self._agrees("write", default="yes")

    def _ask_key(self) -> None:
        self._tell("key.how")
        while True:
            for name, key in zip(_KEYS, ("key.access", "key.secret"), strict=True):
                self._ask_secret(name, self._texts[key])
            self._tell("key.checking")
            findings = []
            for finding in check_key(self._settings(_KEYS)):
                findings.append(finding)
                self._tell(finding.text, **finding.fields)
            if not any(finding.is_fatal for finding in findings) or not self._agrees("key.again", default="yes"):
                return

    def _ask_telegram(self) -> None:
        self._tell("telegram")
        while self._ask_secret("TELEGRAM_BOT_TOKEN", self._texts["telegram.token"], is_needed=False):
            self._ask("TELEGRAM_CHAT_ID", self._texts["telegram.chat"])
            chat = self._values["TELEGRAM_CHAT_ID"]
            self._ask("TELEGRAM_USER_IDS", self._texts["telegram.users"], default=chat if chat.isdigit() else "")
            try:
                self._send_test()
            except (StoreError, ConfigurationError) as error:
                self._tell("telegram.failed", reason=str(error))
                if self._agrees("telegram.again", default="yes"):
                    continue
            else:
                self._tell("telegram.sent")
            return

    def _send_test(self) -> None:
        settings = self._settings(("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"))
        notifier = TelegramNotifier(
            token=self._values["TELEGRAM_BOT_TOKEN"],
            chat_id=self._values["TELEGRAM_CHAT_ID"],
            clock=SystemClock(),
            server=settings.telegram_base_url,
        )
        try:
            notifier.send(self._texts["telegram.test"])
        finally:
            notifier.close()

    def _make_passwords(self) -> None:
        """Make each password that is not there yet; one in use stands in the database too, and stays."""
        for name in _PASSWORDS:
            if not self._values.get(name):
                self._values[name] = secrets.token_hex(24)
        self._values.setdefault("BOT_UID", str(os.getuid() or 1000))

    def _settings(self, secret_settings: tuple[str, ...]) -> Settings:
        """Give what is known so far; where venue and messenger are may come from the environment, and only safe places do."""
        places = ("UPBIT_BASE_URL", "TELEGRAM_BASE_URL", "CLOCK_FROM_VENUE", "DATA_DIR")
        given = {name: self._environment.get(name) or self._values.get(name) for name in places}
        known = {name: self._values[name] for name in ("MODE", "MARKETS")}
        hidden = {name: SecretStr(self._values[name]) for name in secret_settings if name in secret_names()}
        fields = {**{name: value for name, value in given.items() if value}, **known, **hidden}
        settings = Settings.model_validate({name.lower(): value for name, value in fields.items()})
        for name, place, official in (
            ("UPBIT_BASE_URL", settings.upbit_base_url, OFFICIAL_UPBIT),
            ("TELEGRAM_BASE_URL", settings.telegram_base_url, OFFICIAL_TELEGRAM),
        ):
            if place != official and not is_loopback(place):
                raise UnsafeSetup(name, "is neither the official address nor this machine", "leave it out")
        return settings

    def _ask(self, name: str, text: str, *, default: str = "") -> None:
        """Ask until the answer can be meant; Enter takes the present value, or the default."""
        offered = self._values.get(name) or default
        while True:
            answer = self._person.ask(f"{text} [{offered}]" if offered else text) or offered
            problem = _problem(name, answer) if answer else None
            if problem is None:
                break
            self._tell("wrong", problem=problem)
        self._set(name, answer)

    def _ask_secret(self, name: str, text: str, *, is_needed: bool = True) -> bool:
        """Ask for a secret; Enter keeps the present one. Tells whether there is one now."""
        while True:
            answer = self._person.ask_secret(f"{text} [{self._texts['kept']}]" if self._values.get(name) else text)
            answer = answer or self._values.get(name, "")
            problem = _problem(name, answer) if answer else None
            if problem is None and (answer or not is_needed):
                break
            self._tell("wrong", problem=problem or self._texts["needed"])
        self._set(name, answer)
        return bool(answer)

    def _confirm(self, name: str, key: str) -> None:
        """Take a word of the operator as it is typed; it is never offered, and without it the bot refuses to trade live."""
        answer = self._person.ask(self._texts[key])
        self._set(name, answer if answer and _problem(name, answer) is None else "")

    def _agrees(self, key: str, *, default: str, **fields: str) -> bool:
        answer = self._person.ask(f"{self._texts[key].format(**fields)} [{default}]") or default
        return answer.lower() in ("yes", "y", "네", "예")

    def _set(self, name: str, value: str) -> None:
        if value:
            self._values[name] = value
        else:
            self._values.pop(name, None)

    def _tell(self, key: str, **fields: str) -> None:
        self._person.tell(self._texts[key].format(**fields))


def _problem(name: str, value: str) -> str | None:
    """Say what is wrong with one setting's value, without it."""
    if name in CONTAINER_NAMES:
        return None
    try:
        Settings.model_validate({name.lower(): value})
    except ValidationError as error:
        return setting_error(error).problem.removeprefix("is not usable: ")
    except BotError as error:
        return str(error)
    return None
