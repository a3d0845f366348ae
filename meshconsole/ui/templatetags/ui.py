"""Tags for the parts that all pages share. Each part's markup is in one template of `templates/ui/`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext

from meshconsole.ui.tones import Tone

if TYPE_CHECKING:
    from django.template import RequestContext
    from django.utils.safestring import SafeString

    from meshconsole.ui.tones import Action, Badge

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, extra: str = "") -> SafeString:
    # A long page has a thousand icons, of a dozen kinds.
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("vendor/tabler/icons.svg"),
        name,
    )


@register.simple_tag
def badge(state: Badge | None) -> SafeString | str:
    if state is None:
        return ""
    shape = icon(state.shape, "icon-sm spin" if state.shape == Tone.BUSY.shape else "icon-sm")
    return format_html('<span class="state tone-{}">{}{}</span>', state.tone, shape, state.text)


@register.simple_tag
def mark(state: Badge | None) -> SafeString | str:
    """A state as plain text with its shape, for a number or a remark beside a badge."""
    if state is None:
        return ""
    return format_html('<span class="sign tone-{}">{}{}</span>', state.tone, icon(state.shape, "icon-sm"), state.text)


@register.inclusion_tag("ui/menu.html")
def row_menu(identity: object, label: str, actions: Iterable[Action]) -> dict[str, Any]:
    """A menu button named `label`, and its items; `identity` is unique on the page and the same at the next poll."""
    name = f"menu-{identity}"
    # Put together here: a long page has hundreds of items, and templates are slow with every number, attribute and
    # filter.
    items = [
        (
            f"{name}-{number}",
            each.label,
            each.url,
            icon(each.icon) if each.icon else "",
            each.danger,
            each.is_page,
            " ".join(map(str, each.reasons)),
        )
        for number, each in enumerate(actions, 1)
    ]
    return {"id": name, "label": label, "items": items}


@register.inclusion_tag("ui/button.html")
def action_button(identity: object, action: Action, style: str = "btn", of: str = "") -> dict[str, Any]:
    """A button that opens a dialog or a page or, if forbidden, says why it doesn't.

    `of` distinguishes it from others with the same label.
    """
    return {"id": f"button-{identity}", "action": action, "style": style, "of": of}


@register.simple_tag(takes_context=True)
def query_with(context: RequestContext, name: str, value: object) -> str:
    """Return the request's query with one value changed: Django's `querystring` can't take the name from a variable."""
    kept = context["request"].GET.copy()
    kept[name] = str(value)
    return f"?{kept.urlencode()}"


@register.simple_tag
def diff(before: str, after: str, *place: str) -> SafeString:
    """Return the lines of `before` and `after`, with removed and added ones marked by sign and color.

    `place` distinguishes it from other diffs.
    """
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    if not lines:
        return format_html('<p class="text-secondary">{}</p>', gettext("No difference."))
    kinds = {"+": "added", "-": "removed", "@": "where"}
    rows = format_html_join("", '<span class="{}">{}</span>', ((kinds.get(line[:1], "same"), line) for line in lines))
    where = " ".join(filter(None, place))
    label = gettext("Difference: %(where)s") % {"where": where} if where else gettext("Difference")
    return format_html('<pre class="diff mono" tabindex="0" role="region" aria-label="{}">{}</pre>', label, rows)


@register.simple_tag
def ago(moment: datetime | None, empty: str = "") -> SafeString | str:
    """*40 seconds ago*, with the exact time as a tooltip."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        _exact(localtime(moment), get_language()),
        naturaltime(moment),
    )


@lru_cache(maxsize=4096)
def _exact(moment: datetime, language: str | None) -> str:
    # The same hundred moments are written at every poll. The language is the thread's.
    return date_format(moment, "DATETIME_FORMAT")


@register.simple_block_tag
def empty_state(content: str, name: str) -> str:
    return render_to_string("ui/empty.html", {"content": content, "icon_name": name})


@register.simple_block_tag
def notice(content: str, tone: str, role: str = "") -> str:
    name = Tone(tone).shape if tone in (Tone.BAD, Tone.WARN, Tone.GOOD) else "info-circle"
    return render_to_string("ui/notice.html", {"content": content, "tone": tone, "role": role, "icon_name": name})


@register.simple_block_tag
def sheet(content: str, title: str, identity: str = "dialog-title", extra: str = "", shown: bool = False) -> str:
    """A dialog around `content` (a `sheet-body` and a `sheet-foot`).

    dialogs.js opens it; with `shown`, it is already open in the page.
    """
    return render_to_string(
        "ui/sheet.html", {"content": content, "title": title, "id": identity, "extra": extra, "shown": shown}
    )


@register.filter
def seconds_text(seconds: float | None) -> str:
    """A duration in words: 0.2 s, 48 s, 3 min 5 s."""
    if seconds is None:
        return ""
    if seconds < 10:
        return gettext("%(seconds)s s") % {"seconds": f"{seconds:.1f}".removesuffix(".0")}
    if seconds < 60:
        return gettext("%(seconds)s s") % {"seconds": round(seconds)}
    minutes, rest = divmod(round(seconds), 60)
    return gettext("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
