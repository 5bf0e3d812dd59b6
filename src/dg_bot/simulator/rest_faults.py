"""Carrying out fault actions on one exchange of request and reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dg_bot.simulator.faults import (
    Action,
    Answer,
    AnswerAfter,
    Big,
    Delay,
    Drip,
    DropHeader,
    Edit,
    HangUp,
    Html,
    Invisible,
    LoseReply,
    LoseRequest,
    Redirect,
    SetHeader,
    Truncate,
)
from dg_bot.simulator.rest_json import Json, dumps, loads
from dg_bot.simulator.rest_reply import HTML_TYPE, JSON_TYPE, TEXT_TYPE, Delivery, Reply

_PAGE: Final = "<!doctype html><html><head><title>점검 중</title></head><body><h1>서비스 점검 중입니다</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a fault can do around the venue: `act` handles the request, `hide` takes an order's uuid from view, `wait` sleeps."""

    act: Callable[[], Reply]
    hide: Callable[[str, float], None]
    wait: Callable[[float], None]


def suffered(exchange: Exchange, actions: Sequence[Action]) -> Delivery | None:
    """Handle one request under `actions`; None where the client is to hear nothing."""
    for action in actions:
        if isinstance(action, Delay):
            exchange.wait(action.seconds)
    if any(isinstance(action, LoseRequest) for action in actions):
        return None
    instead = next((reply for action in actions if (reply := _instead(action)) is not None), None)
    reply = _acted(exchange, actions) if instead is None else instead
    if any(isinstance(action, LoseReply) for action in actions):
        return None
    delivery = Delivery(reply=reply)
    for action in actions:
        delivery = _in_its_manner(delivery, action)
    return delivery


def _instead(action: Action) -> Reply | None:
    """Give the reply that stands in for the venue's, where the action has one."""
    match action:
        case Answer(status, body):
            return _words(status, body)
        case Redirect(url):
            return Reply(status=302, body=b"", content_type=TEXT_TYPE, headers={"Location": url})
        case Html():
            return Reply(status=200, body=_PAGE.encode(), content_type=HTML_TYPE)
        case Big(mebibytes):
            return Reply(status=200, body=b'["' + b"x" * (mebibytes * 1024 * 1024 - 4) + b'"]')
        case _:
            return None


def _acted(exchange: Exchange, actions: Sequence[Action]) -> Reply:
    """Let the venue act, then hide, edit or replace what it says; its headers stay."""
    said = reply = exchange.act()
    for action in actions:
        match action:
            case Invisible(seconds) if said.status == 201:
                order = loads(said.body.decode())
                if isinstance(order, Mapping):
                    exchange.hide(str(order["uuid"]), seconds)
            case AnswerAfter(status, body):
                reply = replace(_words(status, body), headers=said.headers)
            case Edit(assign, remove):
                reply = replace(reply, body=dumps(_edited(loads(reply.body.decode()), assign, remove)).encode())
            case _:
                pass
    return reply


def _words(status: int, body: str) -> Reply:
    """Answer with text as it is, typed as JSON where it looks like it."""
    return Reply(status=status, body=body.encode(), content_type=JSON_TYPE if body[:1] in ("{", "[") else TEXT_TYPE)


def _edited(value: Json, assign: Mapping[str, Json], remove: Sequence[str]) -> Json:
    if isinstance(value, Mapping):
        return {name: item for name, item in {**value, **assign}.items() if name not in remove}
    if isinstance(value, list) and value:
        return [_edited(value[0], assign, remove), *value[1:]]
    return value


def _in_its_manner(delivery: Delivery, action: Action) -> Delivery:
    headers = dict(delivery.reply.headers)
    match action:
        case Drip(seconds):
            return replace(delivery, drip_s=seconds)
        case Truncate(bytes_sent):
            return replace(delivery, bytes_sent=bytes_sent)
        case HangUp():
            return replace(delivery, hangs_up=True)
        case DropHeader(header):
            kept = {name: value for name, value in headers.items() if name.lower() != header.lower()}
            return replace(delivery, reply=replace(delivery.reply, headers=kept))
        case SetHeader(header, value):
            kept = {name: text for name, text in headers.items() if name.lower() != header.lower()}
            return replace(delivery, reply=replace(delivery.reply, headers={**kept, header: value}))
        case _:
            return delivery
