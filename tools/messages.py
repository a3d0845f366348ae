"""The catalogues of translated messages, without the gettext programs: `python tools/messages.py update|check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ("zh_Hans",)
SOURCES = ("meshconsole", "interconnect", "templates")
# A migration repeats the texts of its models.
NOT_SHOWN = {"migrations"}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def sources() -> Iterator[tuple[Path, Callable[[Path], bytes]]]:
    """Yield every file that has messages, with a function that returns its content as Python."""
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if NOT_SHOWN & set(path.parts):
                continue
            if path.suffix == ".py":
                yield path, Path.read_bytes
            elif path.suffix in {".html", ".txt"} and "templates" in path.parts:
                yield path, template_as_python


def template_as_python(path: Path) -> bytes:
    from django.utils.translation.template import templatize

    text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    # Only the calls are Python; the indentation of the blanked-out text around them isn't valid.
    return "\n".join(line.strip() for line in text.splitlines()).encode()


def template_catalogue() -> Catalog:
    catalogue = Catalog(project="meshconsole", charset="utf-8")
    for path, read in sources():
        options = {"encoding": "utf-8"}
        for _line, message, comments, context in extract(
            "python", BytesIO(read(path)), keywords=KEYWORDS, comment_tags=("Translators:",), options=options
        ):
            catalogue.add(
                message, locations=[(str(path.relative_to(ROOT)), 0)], auto_comments=comments, context=context
            )
    return catalogue


def catalogue_path(locale: str) -> Path:
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


def new_catalogue(locale: str) -> Catalog:
    return Catalog(
        locale=locale,
        project="meshconsole",
        version="1",
        header_comment="# Messages of meshconsole. Made by `make messages`; translated by hand.",
        msgid_bugs_address="the project's issues",
        last_translator="the project's authors",
        language_team="the project's authors",
        fuzzy=False,
    )


def stored_catalogue(locale: str) -> Catalog:
    path = catalogue_path(locale)
    if not path.exists():
        return new_catalogue(locale)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def compiled(catalogue: Catalog) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update() -> int:
    """Add new messages untranslated, drop those that are gone, and compile what is translated. Returns 0."""
    template = template_catalogue()
    for locale in LOCALES:
        catalogue = stored_catalogue(locale)
        # The date of the run would change the file on every update.
        template.creation_date = catalogue.creation_date
        catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
        catalogue.obsolete.clear()
        path = catalogue_path(locale)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalogue, width=120, sort_output=True, include_lineno=False)
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        print(
            f"{path.relative_to(ROOT)}: {len(catalogue)} messages, "
            f"{sum(not translated(message) for message in catalogue)} untranslated"
        )
    return 0


def translated(message: Message) -> bool:
    forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return not message.id or (not message.fuzzy and all(forms))


def check() -> int:
    """Return 0 if every message has a compiled translation with the same placeholders, else print why and return 1."""
    template = template_catalogue()
    problems = [problem for locale in LOCALES for problem in problems_of(template, locale)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def problems_of(template: Catalog, locale: str) -> Iterator[str]:
    catalogue, path = stored_catalogue(locale), catalogue_path(locale)
    for wanted in template:
        found = catalogue.get(wanted.id, wanted.context) if wanted.id else None
        if wanted.id and (found is None or not translated(found)):
            yield f"{locale}: not translated: {wanted.id!r} ({', '.join(name for name, _line in wanted.locations)})"
    for message, errors in catalogue.check():
        yield from (f"{locale}: {message.id!r}: {error}" for error in errors)
    binary = path.with_suffix(".mo")
    if not binary.exists() or binary.read_bytes() != compiled(catalogue):
        yield f"{locale}: the compiled catalogue is not in step (make messages)"


def main(arguments: list[str]) -> int:
    commands = {"update": update, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    # templatize needs Django for the syntax of its tags.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    sys.path.insert(0, str(ROOT))
    return commands[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
