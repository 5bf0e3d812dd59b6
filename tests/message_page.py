"""Write `docs/messages.html`: every message and answer in both languages, as a phone shows it."""

import html
import re
import sys

from dg_bot.operator.phrasebook import Language, Phrasebook
from tests.fault.named_tests import ROOT
from tests.message_examples import SECTIONS, sections

PAGE = ROOT / "docs" / "messages.html"
_TITLES = {"told": "What the bot tells by itself", "asked": "Questions and answers", "acted": "Commands that do something"}
_STYLE = """
:root { color-scheme: light dark; --ground: #dfe6ec; --bubble: #fff; --ink: #14181c; --quiet: #5d6a76; --button: #cfd9e3;
  --line: #b9c5d0 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0e1621; --bubble: #182533; --ink: #f2f5f8; --quiet: #8ea1b3; --button: #22364a; --line: #2a3d50 } }
* { box-sizing: border-box }
body { margin: 0; padding: 16px; background: var(--ground); color: var(--ink);
  font: 15px/1.4 system-ui, "Noto Sans KR", sans-serif }
main { max-width: 760px; margin: 0 auto }
h1 { font-size: 22px; margin: 8px 0 } h2 { font-size: 18px; margin: 32px 0 8px; border-bottom: 1px solid var(--line) }
h3 { font-size: 13px; font-weight: 600; color: var(--quiet); margin: 18px 0 6px }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 10px }
.side { max-width: 360px; min-width: 0 }
.bubble { background: var(--bubble); border-radius: 12px 12px 12px 3px; padding: 8px 12px; margin: 0 0 4px;
  overflow-wrap: anywhere }
code { font: 13px ui-monospace, monospace; color: #1f7a4d } @media (prefers-color-scheme: dark) { code { color: #67c699 } }
.row { display: flex; gap: 4px; margin: 0 0 4px }
.row span { flex: 1; text-align: center; background: var(--button); border-radius: 8px; padding: 7px 4px; font-size: 14px }
p.note { color: var(--quiet); margin: 4px 0 }
"""


def page() -> str:
    """Write the whole page; the texts are Telegram's own HTML, of which a browser reads all that is used."""
    books = {language: Phrasebook(language) for language in Language}
    told = {language: sections(book) for language, book in books.items()}
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        "<title>dg_bot: messages</title>",
        f"<style>{_STYLE}</style>",
        "<main><h1>dg_bot: every message, as a phone shows it</h1>",
        '<p class="note">Made by <code>make messages</code> from the program\'s own texts; figures are made up.</p>',
    ]
    for section in SECTIONS:
        parts.append(f"<h2>{_TITLES[section]}</h2>")
        for name in told[Language.KOREAN][section]:
            parts.append(f'<h3>{html.escape(name)}</h3><div class="pair">')
            for language in Language:
                parts.append(f'<div class="side" lang="{language}">')
                for reply in told[language][section][name]:
                    parts.append(f'<p class="bubble">{reply.text.replace(chr(10), "<br>")}</p>')
                    for row in reply.buttons:
                        labels = "".join(f"<span>{html.escape(button.label)}</span>" for button in row)
                        parts.append(f'<div class="row">{labels}</div>')
                parts.append("</div>")
            parts.append("</div>")
    return "\n".join([*parts, "</main></html>", ""])


def main() -> int:
    text = page()
    PAGE.write_text(text, encoding="utf-8")
    bubbles = len(re.findall('class="bubble"', text))
    print(f"{PAGE.relative_to(ROOT)}: {bubbles} messages in {len(Language)} languages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
