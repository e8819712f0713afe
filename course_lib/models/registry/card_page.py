"""A card as a table of a web page, with links that can be followed."""

from __future__ import annotations

from html import escape

from course_lib.models.registry.card_entries import Card
from course_lib.models.registry.card_facts import facts

__all__ = ["html"]

_STYLE = """<style>
.course-card {font: 13px/1.45 system-ui, sans-serif; max-width: 60em; overflow-x: auto}
.course-card table {font: inherit; border-collapse: collapse; margin: 0; border: 1px solid rgba(128, 128, 128, .45)}
.course-card caption {text-align: left; font-weight: 600; padding: 2px 0 4px}
.course-card th, .course-card td {text-align: left; vertical-align: top; padding: 3px 8px; white-space: normal;
  border: 0; border-top: 1px solid rgba(128, 128, 128, .18); overflow-wrap: anywhere}
.course-card th {font-weight: 600; white-space: nowrap}
</style>"""


def html(one: Card) -> str:
    """The card's lines as a table; addresses are links.

    Example:
        >>> from course_lib.models.registry.card_entries import card
        >>> 'href="https://github.com/' in html(card("resnet50"))
        True
    """
    rows = "".join(
        f'<tr><th scope="row">{escape(fact.label)}</th><td>{_linked(fact.words, one)}</td></tr>' for fact in facts(one)
    )
    default = " (DEFAULT)" if one.default else ""
    about = f'<tr><th scope="row">about</th><td>{escape(one.about)}</td></tr>' if one.about else ""
    caption = f"<caption>{escape(one.name)}{default}</caption>"
    return f'{_STYLE}<div class="course-card"><table>{caption}<tbody>{about}{rows}</tbody></table></div>'


def _linked(words: str, one: Card) -> str:
    address = one.url if words == one.file and one.url.startswith("http") else words
    if not address.startswith(("https://", "http://")):
        return escape(words)
    return f'<a href="{escape(address, quote=True)}" target="_blank" rel="noopener">{escape(words)}</a>'
