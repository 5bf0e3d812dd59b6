"""Text from strangers made harmless: few characters, limited in length, and looked over for instructions.

A headline, a coin's name or a venue's notice can say anything. It is shown to a language model as quoted data alone, and what
looks like an instruction is not shown at all. The look is no wall, only a sieve: what keeps a hijacked model harmless is that it
can choose BUY, SELL or HOLD and nothing else, and that screen, filters, validator and caps stand outside its prompt.
"""

import re
import unicodedata
from dataclasses import dataclass

WITHHELD = "(withheld: it looks like an instruction)"
_FOREIGN = re.compile(r"[^0-9A-Za-z가-힣ㄱ-ㅎㅏ-ㅣ\u4e00-\u9fff .,:;%+\-/()'\"?!&$₩~·_]")
_SPACES = re.compile(r"\s+")
_NO_LETTERS = re.compile(r"[^a-z0-9가-힣]+")
# Letters of other alphabets that pass for Latin ones.
_LOOK_ALIKES = re.compile(r"[a-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-z]")

_ENGLISH = r"""
\b(ignor|disregard|forget|overrid|bypass|skip|discard)\w*\b.{0,40}\b(instruct|rule|prompt|guideline|polic|limit|above|previous)
\b(ignor|disregard|forget|overrid|bypass|skip|discard)\w*\b.{0,40}\b(prior|earlier|everything|validat|filter|screen|safety|risk)
\b(system|developer|hidden) (prompt|message|mode|instruction)
\bjailbreak|\bprompt injection
\byou (are now|must|should now|shall|have to|need to|are required)\b
\b(pretend|act|behave|respond|answer|reply)\b (as|like|with|only)\b
\b(answer|respond|reply|output|return|print|say|choose|set|decide|recommend|emit)\b.{0,40}\b(buy|sell|hold|confidence|json|action)\b
\bconfidence\b.{0,12}(0?\.\d|\b1\b|100|9\d|max|full|high)
\b(buy|sell|purchase|dump|liquidate)\b.{0,12}\b(all|everything|now|immediately|max|maximum|at once|whole)\b
\ball[- ]in\b
\b(instruction|note|message|order|command|attention|memo|task)s?\b.{0,6}\b(to|for)\b.{0,8}\b(ai|model|bot|assistant|llm|agent)s?\b
\b(dear|hey|attention|as an?) (ai|model|assistant|bot|llm|language model|trading bot|gpt)\b
\bnew (instruction|rule|task|role|order|system)s?\b
\b(increase|raise|remove|lift|disable|double|triple|turn off|unlock|expand|exceed|drop)\b.{0,30}\b(position|size|limit|leverage)\b
\b(increase|raise|remove|lift|disable|turn off|unlock|drop)\b.{0,30}\b(stop[- ]loss|safe mode|validator|cap|check|filter)s?\b
\bswitch\b.{0,20}\b(live|mode|market)\b|\btransfer\b.{0,30}\b(wallet|address)\b
\b(translate|decode|base64|rot13|execute|eval)\b.{0,30}\b(follow|then|run|obey|and|this)\b
["']action["'] ?:|</?(system|assistant|user|instructions?|data|news|quoted|prompt)>|\[/?(inst|system)\]|<\||```|\#\#\#
(^|[.;:"' (])(system|assistant|developer|user|human|ai) ?:\s
[a-z0-9+/]{48,}={0,2}
"""
_KOREAN = r"""
(지시|명령|규칙|지침|프롬프트|제한|한도|이전|앞선|위의|설정|검증|필터).{0,20}(무시|잊|우회|해제|따르지|무효|삭제|건너)
(무시|잊어|우회|무효|건너).{0,20}(지시|명령|규칙|지침|프롬프트|제한|한도|검증|필터|내용)
(시스템|개발자|관리자|운영자) ?(프롬프트|메시지|명령|지시|모드|공지:|권한)
(너는|넌|당신은|귀하는|모델은|봇은|ai는|인공지능은|어시스턴트는).{0,30}(이제|지금부터|반드시|무조건|매수|매도|답|한다|해야)
(매수|매도|구매|청산|투자|베팅)(를|을)? ?(하라|하세요|해라|해 ?주|하십시오|하시오|할 것|해야 한다|해야 합니다)
(무조건|반드시|당장|즉시|전액|전량|모두|지금) ?.{0,8}(사라|사세요|매수|팔아라|파세요|올인)|올인 ?(하|해|매수)
(신뢰도|확신도|확률|컨피던스|confidence).{0,12}(1|100|0\.\d|9\d|최대|최고)
(답변|응답|출력|대답|결정|선택|반환|action|액션).{0,20}(매수|매도|buy|sell|하라|하세요|해라|하십시오)
(한도|손절|손실 ?제한|안전 ?모드|검증기|포지션|레버리지|비중|주문 ?금액).{0,15}(해제|끄|꺼|제거|늘려|늘리|올려)
(한도|손절|손실 ?제한|안전 ?모드|검증기|포지션|레버리지|비중|주문 ?금액).{0,15}(두 ?배|최대로|없애)
탈옥|역할.{0,8}(바꿔|바꾸|변경|수행)|새로운? ?(지시|명령|규칙|역할)
(ai|봇|모델|어시스턴트|인공지능)(에게|한테|은 들어라)
(실거래|라이브|다른 마켓|다른 시장).{0,12}(전환|바꿔|바꾸|변경)|(지갑|주소)(로|으로).{0,12}(송금|전송|출금)
"""
_INSTRUCTIONS = re.compile("|".join(f"(?:{pattern})" for pattern in (_ENGLISH + _KOREAN).split("\n") if pattern))
# The same with every space and sign left out, for words that were spaced or dotted apart.
_SQUEEZED = re.compile(
    r"(ignore|disregard|forget)(all|any|the|your|previous|prior|above|every)|systemprompt|developermode|buyall|buyeverything|buynow|"
    r"confidence(1|100|10)$|actionbuy|answerbuy|outputbuy|alwaysbuy|youmust|"
    r"(지시|명령|규칙|지침)(을|를|은|는)?(모두|전부|다)?무시|무조건매수|전액매수|즉시매수|시스템프롬프트|안전모드해제|한도해제"
)


@dataclass(frozen=True, slots=True)
class Quoted:
    """What of a text may stand in a prompt; WITHHELD where it looked like an instruction."""

    text: str
    is_suspicious: bool


def quoted(text: str, longest: int) -> Quoted:
    """Give at most `longest` characters of `text`: letters, digits and plain signs, without its odd spaces and hidden marks."""
    plain = plain_text(text)
    if looks_like_instruction(text):
        return Quoted(WITHHELD, True)
    return Quoted(plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}~", False)


def plain_text(text: str) -> str:
    """Give the text in Latin, Korean and Chinese letters, digits and plain signs; everything else becomes a space."""
    return _SPACES.sub(" ", _FOREIGN.sub(" ", _visible(text))).strip()


def looks_like_instruction(text: str) -> bool:
    """Tell whether a text reads as if it spoke to whoever decides, in English or Korean, however it is spaced or disguised."""
    folded = _SPACES.sub(" ", _visible(text).casefold())
    return bool(_INSTRUCTIONS.search(folded) or _SQUEEZED.search(_NO_LETTERS.sub("", folded)) or _LOOK_ALIKES.search(folded))


def _visible(text: str) -> str:
    """Bring wide and ornamental letters into their plain form, and take out what has no width."""
    return "".join(mark for mark in unicodedata.normalize("NFKC", text) if unicodedata.category(mark) != "Cf")
