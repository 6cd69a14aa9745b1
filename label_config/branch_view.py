"""What the page shows of a branch: the steps that came before, which cannot be changed, and that its correction was.

Only the config of a project with branches has these Views. They are seen in tasks that are branches alone: the note in
the task's data is empty elsewhere.
"""

from __future__ import annotations

from lxml import etree

from ls_trajedit.label_config.branch_note import BRANCH
from ls_trajedit.label_config.tags import Element, add_label, add_view
from ls_trajedit.traces.field_path import RESERVED_KEY

__all__ = ["LOCKED", "add_branch_title", "add_locked_steps", "add_superseded"]

LOCKED = "What came before, as it was corrected. It cannot be changed here."

_NOTE = f"${RESERVED_KEY}.{BRANCH}"
_STYLE = """
.trajedit .trajedit-superseded,
.trajedit .trajedit-locked {
  margin: 0 0 16px;
  padding: 8px 12px;
  color: var(--trajedit-text);
  background: var(--trajedit-card);
  border: 1px solid var(--trajedit-border);
  border-left: 3px solid var(--trajedit-accent);
  border-radius: 6px;
}
.trajedit .trajedit-locked-steps :is(h4, h5) {
  margin: 0 !important;
  color: inherit;
  font: inherit;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
.trajedit .trajedit-locked-steps { max-height: 50vh; overflow: auto; }
.trajedit .trajedit-superseded:has(:is(h4, h5):empty),
.trajedit .trajedit-locked:has(.trajedit-locked-steps :is(h4, h5):empty),
.trajedit .trajedit-branch-title:has(:is(h4, h5):empty),
.trajedit .trajedit-title:has(.trajedit-branch-title :is(h4, h5):not(:empty)) .trajedit-own-title {
  display: none;
}
.trajedit .trajedit-repeated .trajedit-title:has(.trajedit-branch-title :is(h4, h5):not(:empty))::after {
  content: none;
}
"""


def add_superseded(root: Element) -> None:
    """The style of what is here, and the line for a branch that is superseded."""
    etree.SubElement(root, "Style").text = _STYLE
    # A Header shows strings alone, so the note has one beside `superseded`.
    add_label(add_view(root, "trajedit-superseded"), "trajedit-label", f"{_NOTE}.notice")


def add_locked_steps(root: Element) -> None:
    """The steps that come before those in the task's data."""
    view = add_view(root, "trajedit-locked")
    add_label(view, "trajedit-label", LOCKED)
    add_label(view, "trajedit-locked-steps", f"{_NOTE}.shown")


def add_branch_title(card: Element, text: str, index: str) -> None:
    """The title of a card: `text` or, for the step of this index of a branch, one that counts from the beginning of the
    whole trace."""
    title = add_view(card, "trajedit-title")
    add_label(title, "trajedit-own-title", text)
    add_label(title, "trajedit-branch-title", f"{_NOTE}.titles[{index}]")
