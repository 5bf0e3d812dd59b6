"""What goes to and fro between the bot and a person: messages that came in, and answers with their buttons."""

from dataclasses import dataclass
from datetime import datetime

from dg_bot.domain.calendar import require_aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message, or a press of a button, as the messenger delivered it; nothing about it is trusted.

    `number` is the messenger's own, `user` is None where nobody in particular wrote, `sent_at` is None for a press, of which
    no time is known. `press` names a press to the messenger, `message` the message that the button hangs on.
    """

    number: int
    user: int | None
    is_bot: bool
    chat: int
    is_private: bool
    sent_at: datetime | None
    text: str
    press: str | None = None
    message: int | None = None

    def __post_init__(self) -> None:
        if self.sent_at is not None:
            require_aware("time of a message", self.sent_at)


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message; a press says `command` as if the person had written it."""

    label: str
    command: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of Telegram HTML, and rows of buttons under it."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
