"""What the live diff shows on the editor page, as a person sees it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

__all__ = [
    "announcement",
    "changes",
    "counts",
    "diff_shown",
    "edited_count",
    "missing",
    "nothing_shows",
    "reset_button",
]

# Everything that the live diff adds to a page.
OWN = "[class^=trajedit-changes], .trajedit-edited-mark, .trajedit-edited-count:not(:empty), [data-trajedit-edited]"
_SIGNS = """(diff) => Array.from(diff.children, ({localName, textContent}) =>
  localName === 'ins' ? `{+${textContent}+}` : localName === 'del' ? `[-${textContent}-]` : textContent).join('')"""


def changes(page: Page, control: str) -> Locator:
    """What stands under the control's box when it was edited."""
    box = f'[name="{control}"], [name^="{control}:"]'
    return page.locator(f'[data-testid="textarea-control"]:has({box}) + .trajedit-changes')


def diff_shown(page: Page, control: str) -> str:
    """The diff under the control's box in one line: `[-what went-]{+what came+}`."""
    return str(changes(page, control).locator(".diff").evaluate(_SIGNS))


def counts(page: Page, control: str) -> Locator:
    """Such as "1 word, 2 characters changed"."""
    return changes(page, control).locator(".counts")


def missing(page: Page, control: str) -> Locator:
    """What is said to be missing or wrong."""
    return changes(page, control).locator(".missing")


def reset_button(page: Page, field: str) -> Locator:
    """The button that resets the field, such as "Step 1, action"."""
    return page.get_by_role("button", name=f"Reset {field}", exact=True)


def edited_count(page: Page) -> Locator:
    """Such as "2 fields edited"."""
    return page.locator(".trajedit-edited-count")


def announcement(page: Page) -> Locator:
    """What screen readers are told."""
    return page.get_by_role("status").and_(page.locator(".trajedit-announcement"))


def nothing_shows(page: Page) -> Locator:
    """All that is there for an edited field; expect a count of 0."""
    return page.locator(OWN)
