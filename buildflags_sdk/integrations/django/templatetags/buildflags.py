"""`{% flag "x" %}…{% else %}…{% endflag %}`, `{% flag_enabled "x" as on %}` and `{% flag_value "x" 20 as size %}`.

With a request in the template's context they read what the request reads; without one, the process's client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from buildflags_sdk.integrations.django.settings import client

if TYPE_CHECKING:
    from django.template.base import FilterExpression, NodeList, Parser, Token
    from django.template.context import Context

register = template.Library()


class FlagNode(template.Node):
    """Renders one of two blocks."""

    child_nodelists = ("on", "off")

    def __init__(self, key: FilterExpression, on: NodeList, off: NodeList) -> None:
        self.key = key
        self.on = on
        self.off = off

    def render(self, context: Context) -> str:
        """Render the block that the flag chooses."""
        chosen = self.on if _flags(context).is_enabled(str(self.key.resolve(context))) else self.off
        return chosen.render(context)


@register.tag
def flag(parser: Parser, token: Token) -> FlagNode:
    """Parse `{% flag key %}…{% else %}…{% endflag %}`; the key is text in quotes or a variable."""
    parts = token.split_contents()
    if len(parts) != 2:
        msg = f'{parts[0]} takes one flag key, such as {{% {parts[0]} "new-checkout" %}}'
        raise template.TemplateSyntaxError(msg)
    on = parser.parse(("else", "endflag"))
    off = template.NodeList()
    if parser.next_token().contents == "else":
        off = parser.parse(("endflag",))
        parser.delete_first_token()
    return FlagNode(parser.compile_filter(parts[1]), on, off)


@register.simple_tag(takes_context=True)
def flag_enabled(context: Context, key: str) -> bool:
    """Tell whether a flag is on: `{% flag_enabled "x" as on %}`."""
    enabled: bool = _flags(context).is_enabled(key)
    return enabled


@register.simple_tag(takes_context=True)
def flag_value(context: Context, key: str, default: Any = None) -> Any:
    """Give a flag's value in the type of `default`: `{% flag_value "page-size" 20 as size %}`."""
    return _flags(context).get_value(key, default)


def _flags(context: Context) -> Any:
    return getattr(context.get("request"), "flags", None) or client()
