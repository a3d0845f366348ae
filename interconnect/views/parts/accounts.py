"""The panel *Account for the console*: for each place of a cluster, permissions in words, the script and the YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse

from interconnect.domain.accounts import Place, as_yaml, file_name, rights_of, script
from interconnect.domain.names import group_name_violation
from interconnect.domain.rights import Right, purposes
from interconnect.wording import word

if TYPE_CHECKING:
    from interconnect.domain.accounts import Words

DEFAULT_NAMESPACE = "istio-system"
_FORMS: dict[str, tuple[Callable[[Place, str, Words], str], str]] = {
    "sh": (script, "text/plain"),
    "yaml": (as_yaml, "application/yaml"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """What one place needs. `required` and `optional` are sentences; `file` is the script's name when downloaded."""

    place: str
    label: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    script: str
    yaml: str
    file: str
    script_url: str
    yaml_url: str


def accounts(places: Iterable[Place], system_namespace: str, url_of: Callable[[Place, str], str]) -> list[Account]:
    """Return the panel's places; `url_of` gives the address of a download, by place and ending (`sh`, `yaml`)."""
    return [_account(place, system_namespace, url_of) for place in places]


def _account(place: Place, system_namespace: str, url_of: Callable[[Place, str], str]) -> Account:
    rights = rights_of(place, system_namespace)
    return Account(
        place=place,
        label=word(f"account.{place}", {}),
        required=_sentences(right for right in rights if not right.optional),
        optional=_sentences(right for right in rights if right.optional),
        script=script(place, system_namespace, word),
        yaml=as_yaml(place, system_namespace, word),
        file=file_name(place, "sh"),
        script_url=url_of(place, "sh"),
        yaml_url=url_of(place, "yaml"),
    )


def _sentences(rights: Iterable[Right]) -> tuple[str, ...]:
    return tuple(word(code, {}) for code in purposes(rights))


def valid_namespace(*asked: object) -> str:
    """Return the first that can be a namespace, else the usual system namespace."""
    names = (str(each).strip() for each in asked if each)
    return next((name for name in names if not group_name_violation(name)), DEFAULT_NAMESPACE)


def download(place: str, ending: str, system_namespace: str) -> HttpResponse:
    """Return the script (`sh`) or the YAML (`yaml`) of a place as a file. Raises Http404 for any other."""
    if place not in set(Place) or ending not in _FORMS:
        raise Http404
    render, content_type = _FORMS[ending]
    name = file_name(Place(place), ending)
    return HttpResponse(
        render(Place(place), system_namespace, word),
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
