"""axe-core, which looks for what keeps people out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


def axe_violations(page: Page, *rules: str) -> list[str]:
    """What axe has against the page as it is now, one text per element; by these of its rules, or by all."""
    # Evaluated by the debugger: the page's own policy lets no foreign script in, which is what it is for.
    page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        f"{item['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for item in found for node in item["nodes"]
    ]
