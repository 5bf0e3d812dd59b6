"""How the venue says no: an HTTP status, the name of the error and a message for people."""

from dg_bot.domain.order import Side


class VenueRefusal(Exception):
    """The venue refused a request; `name` is a string on exchange calls and an integer on quotation calls."""

    def __init__(self, status: int, name: str | int, message: str) -> None:
        super().__init__(f"{status} {name}: {message}")
        self.status = status
        self.name = name
        self.message = message


_MESSAGES = {
    "create_bid_error": (400, "주문 요청 정보가 올바르지 않습니다."),
    "create_ask_error": (400, "주문 요청 정보가 올바르지 않습니다."),
    "insufficient_funds_bid": (400, "주문 가능한 금액(KRW)이 부족합니다."),
    "insufficient_funds_ask": (400, "주문 가능한 수량이 부족합니다."),
    "under_min_total_bid": (400, "최소 주문 금액 이상으로 주문해 주세요."),
    "under_min_total_ask": (400, "최소 주문 금액 이상으로 주문해 주세요."),
    "invalid_price_bid": (400, "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."),
    "invalid_price_ask": (400, "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."),
    "invalid_funds": (400, "최대 주문 금액을 초과했습니다."),
    "invalid_parameter": (400, "잘못된 파라미터"),
    "invalid_post_only": (400, "post_only 주문에는 자전거래 방지 옵션을 함께 사용할 수 없습니다."),
    "duplicated_identifier": (400, "이미 사용된 identifier입니다."),
    "market_offline": (403, "현재 점검 중인 마켓입니다."),
    "order_not_found": (404, "주문을 찾지 못했습니다."),
}


def refused(name: str) -> VenueRefusal:
    """Build the refusal that goes by `name`, with its usual status and message."""
    status, message = _MESSAGES[name]
    return VenueRefusal(status, name, message)


def refused_for_side(prefix: str, side: Side) -> VenueRefusal:
    """Build a refusal whose name ends in the side of the order: `insufficient_funds` becomes `insufficient_funds_bid`."""
    return refused(f"{prefix}_{'bid' if side is Side.BUY else 'ask'}")


def create_error(side: Side) -> VenueRefusal:
    """Build the refusal of an order whose values make no sense for its side."""
    return refused("create_bid_error" if side is Side.BUY else "create_ask_error")


def malformed(field: str, problem: str = "does not have a valid value") -> VenueRefusal:
    """Build the refusal of a request with a missing, superfluous or unreadable field."""
    return VenueRefusal(400, "validation_error", f"{field} {problem}")


def code_not_found() -> VenueRefusal:
    """Build the refusal of a quotation call for a market that is not listed; its name is a number."""
    return VenueRefusal(404, 404, "Code not found")
