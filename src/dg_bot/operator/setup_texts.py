"""What the first-run dialogue says, in both languages; keys and placeholders are the same in both."""

from collections.abc import Mapping

from dg_bot.operator.phrasebook import Language

_ENGLISH: Mapping[str, str] = {
    "intro": "This writes the settings of the bot. Enter takes what stands in brackets; what you type for a key is not shown.",
    "mode": "Mode: demo (made-up market), paper (real prices, no orders) or live (real money)",
    "markets": "Markets, separated by commas",
    "key.how": (
        "A key for the bot, in Upbit's web pages:\n"
        "  1. Make a sub-pocket for the bot and move into it what it may lose. A sub-pocket cannot withdraw.\n"
        "  2. Open API management, choose that pocket, and allow: view assets, view orders, make orders. Not: withdraw.\n"
        "  3. Give this machine's address. It has to stay the same; a key lives for one year and cannot be renewed."
    ),
    "key.access": "Access key",
    "key.secret": "Secret key",
    "key.checking": "Asking the exchange, without ordering anything:",
    "key.account": "  the account answers: {krw} KRW",
    "key.order": "  an order on {market} would be taken",
    "key.order_refused": "  an order on {market} would be refused now ({name}); the key itself is taken",
    "key.order_unclear": "  whether an order on {market} would be taken is not clear; the bot looks again at its start",
    "key.expiry": "  the key is valid for {days} more days, until {date}",
    "key.no_expiry": "  the exchange does not say how long the key is valid",
    "key.refused": "  the exchange refuses the key ({name}): {remedy}",
    "key.unknown": "  not checked: {reason}; check this machine's network, or go on: the bot looks again at its start",
    "key.again": "Enter the key again? yes or no",
    "scope": "You have looked, and this key cannot withdraw: type trade-only",
    "real_money": "Real money is traded and can be lost. Type yes to allow it",
    "telegram": (
        "Telegram: make a bot with @BotFather and write to it once. Its messages go to the chat whose number you give\n"
        "(@userinfobot tells yours); the bot obeys only users whom you name."
    ),
    "telegram.token": "Bot token (empty: no Telegram)",
    "telegram.chat": "Number of the chat",
    "telegram.users": "Numbers of the users whom it obeys, separated by commas (empty: nobody)",
    "telegram.sent": "  a test message was sent",
    "telegram.failed": (
        "  the test message was not taken: {reason}\n"
        "  Check token and number, that you have written to the bot once, and this machine's network."
    ),
    "telegram.again": "Enter them again? yes or no",
    "telegram.test": "✅ dg_bot reaches you here.",
    "containers": "Run in containers, and make the passwords of database and dashboards? yes or no",
    "wrong": "  that cannot be: {problem}",
    "needed": "it is needed",
    "kept": "Enter keeps the present one",
    "summary": "To be written to {path}, readable by you alone:",
    "replace": "{path} is there already. Its other settings stay. Write it? yes or no",
    "write": "Write it? yes or no",
    "written": "Written. Next: {command}",
    "refused": "The bot will not start with it: {reason}",
    "nothing": "Nothing was written.",
}
_KOREAN: Mapping[str, str] = {
    "intro": "봇의 설정을 만듭니다. Enter를 누르면 괄호 안의 값이 쓰이고, 키를 입력할 때는 화면에 보이지 않습니다.",
    "mode": "모드: demo(가상 시장), paper(실제 시세, 주문 없음), live(실제 돈)",
    "markets": "마켓, 쉼표로 구분",
    "key.how": (
        "봇 전용 키를 업비트 웹에서 만드세요:\n"
        "  1. 봇을 위한 서브 포켓을 만들고 잃어도 되는 만큼만 옮깁니다. 서브 포켓은 출금할 수 없습니다.\n"
        "  2. API 관리에서 그 포켓을 고르고 자산조회, 주문조회, 주문하기를 허용합니다. 출금하기는 허용하지 마세요.\n"
        "  3. 이 서버의 주소를 등록합니다. 주소는 바뀌지 않아야 하며, 키는 1년 동안 유효하고 연장할 수 없습니다."
    ),
    "key.access": "Access key",
    "key.secret": "Secret key",
    "key.checking": "주문 없이 거래소에 확인합니다:",
    "key.account": "  계좌가 응답했습니다: {krw}원",
    "key.order": "  {market} 주문이 가능합니다",
    "key.order_refused": "  {market} 주문은 지금 거부됩니다({name}). 키 자체는 유효합니다",
    "key.order_unclear": "  {market} 주문이 가능한지 분명하지 않습니다. 봇이 시작할 때 다시 확인합니다",
    "key.expiry": "  키는 {date}까지 {days}일 남았습니다",
    "key.no_expiry": "  거래소가 키의 유효 기간을 알려 주지 않습니다",
    "key.refused": "  거래소가 키를 거부했습니다({name}): {remedy}",
    "key.unknown": "  확인하지 못했습니다: {reason}. 서버의 네트워크를 확인하세요. 봇이 시작할 때 다시 확인합니다",
    "key.again": "키를 다시 입력할까요? yes 또는 no",
    "scope": "직접 확인했고 이 키로는 출금할 수 없습니다: trade-only 라고 입력하세요",
    "real_money": "실제 돈으로 거래하며 잃을 수 있습니다. 허용하려면 yes 라고 입력하세요",
    "telegram": (
        "텔레그램: @BotFather로 봇을 만들고 그 봇에게 한 번 말을 거세요. 메시지는 번호를 적은 대화방으로 갑니다\n"
        "(@userinfobot이 내 번호를 알려 줍니다). 봇은 여기 적은 사용자의 명령만 따릅니다."
    ),
    "telegram.token": "봇 토큰(비우면 텔레그램을 쓰지 않음)",
    "telegram.chat": "대화방 번호",
    "telegram.users": "명령할 수 있는 사용자 번호, 쉼표로 구분(비우면 아무도 못 함)",
    "telegram.sent": "  시험 메시지를 보냈습니다",
    "telegram.failed": (
        "  시험 메시지가 전달되지 않았습니다: {reason}\n"
        "  토큰과 번호, 봇에게 한 번 말을 걸었는지, 이 서버의 네트워크를 확인하세요."
    ),
    "telegram.again": "다시 입력할까요? yes 또는 no",
    "telegram.test": "✅ dg_bot이 이 대화방에 연결되었습니다.",
    "containers": "컨테이너로 실행하며 데이터베이스와 대시보드의 비밀번호를 만들까요? yes 또는 no",
    "wrong": "  쓸 수 없는 값입니다: {problem}",
    "needed": "반드시 있어야 합니다",
    "kept": "Enter를 누르면 지금 값을 그대로 둡니다",
    "summary": "{path}에 쓸 내용입니다(본인만 읽을 수 있음):",
    "replace": "{path}이(가) 이미 있습니다. 다른 설정은 그대로 둡니다. 쓸까요? yes 또는 no",
    "write": "쓸까요? yes 또는 no",
    "written": "저장했습니다. 다음 명령: {command}",
    "refused": "이 설정으로는 봇이 시작되지 않습니다: {reason}",
    "nothing": "아무것도 쓰지 않았습니다.",
}


def setup_texts(language: Language) -> Mapping[str, str]:
    return _KOREAN if language is Language.KOREAN else _ENGLISH
