"""What delivers answers and questions to the bot's users."""

from typing import Protocol

from dg_bot.domain.conversation import Reply


class Messenger(Protocol):
    def answer(self, chat: int, reply: Reply, *, over: int | None = None) -> None:
        """Deliver a reply to `chat`, in place of the message `over` where that is given; raises StoreError."""
        ...
