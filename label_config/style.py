"""The look of the editor page, in the labeling config's own Style tags: STYLE for steps of fields, CHAT_STYLE for
conversations, STRUCTURE_STYLE besides where steps can be removed or inserted, and `renew_style` for a config that was
written before they changed.

Label Studio escapes `>`, `<` and `&` in a Style, so no rule here uses them. Every rule is scoped by `.trajedit`, the
class of the root View, so nothing else on the page changes. Label Studio tells which theme it shows by
`data-color-scheme` on the page's root; should that change, cards still have a background that suits their text.

The rules that hide what a task lacks depend on Label Studio's own markup and fail open: each asks for something that
is there (an empty line or an empty View, and somewhere on the page a prefilled box), so when a name changes, everything
is shown. A field that is present but empty has a prefilled editor and is shown. Read-only fields look the same whether
empty or missing, and are hidden in both cases.

What the versions of Label Studio have in common, seen in 1.12 to 1.23: a box that a prediction opened is inside a
`data-testid="textarea-region"`, and the name of the control is the name of the `textarea`. A Text of a missing field is
an empty line in newer versions, and nothing at all in older ones; a Header is an `h4` or an `h5`; what stands around a
box has another name in each.
"""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

from ls_trajedit.label_config.structure import INSERT_AFTER, INSERT_BEFORE, REMOVE

__all__ = ["CHAT_STYLE", "STRUCTURE_STYLE", "STYLE", "renew_style"]

_COLOURS = """\
.trajedit {
  --trajedit-card: #ffffff;
  --trajedit-title: #f8f7f4;
  --trajedit-border: #c6c1b4;
  --trajedit-text: #262522;
  --trajedit-secondary: #615e56;
  --trajedit-original: #f0eee8;
  --trajedit-editor: #ffffff;
  --trajedit-editor-border: #8a857a;
  --trajedit-accent: #4c5fa9;
}
[data-color-scheme="dark"] .trajedit {
  --trajedit-card: #1e1d1a;
  --trajedit-title: #2a2926;
  --trajedit-border: #57544d;
  --trajedit-text: #f3f1ec;
  --trajedit-secondary: #b5b0a5;
  --trajedit-original: #12110d;
  --trajedit-editor: #2d2b27;
  --trajedit-editor-border: #8a857a;
  --trajedit-accent: #8ea3f7;
}
"""

# Label Studio sets the font of every element of the page with !important, so monospace text needs that, too.
_TEXT = """\
.trajedit {
  max-width: 1200px;
  margin: 0 auto;
  color: var(--trajedit-text);
  font-size: 13px;
  line-height: 20px;
}
.trajedit .trajedit-title *,
.trajedit .trajedit-label *,
.trajedit .trajedit-description * {
  margin: 0 !important;
  color: inherit;
  font: inherit;
  letter-spacing: inherit;
}
.trajedit .trajedit-description {
  margin-bottom: 8px;
  color: var(--trajedit-secondary);
  white-space: pre-line;
}
.trajedit .trajedit-label {
  color: var(--trajedit-secondary);
  font-size: 12px;
  font-weight: 600;
  overflow-wrap: anywhere;
}
.trajedit .trajedit-original,
.trajedit .trajedit-context,
.trajedit .trajedit-editor textarea,
.trajedit [data-testid="htx-textbox-content"] {
  font-size: 13px;
  letter-spacing: normal;
  line-height: 20px;
  overflow-wrap: anywhere;
  tab-size: 4;
  white-space: pre-wrap;
}
.trajedit .trajedit-step [class*="richtext"],
.trajedit .trajedit-editor textarea,
.trajedit .trajedit-editor [data-testid="htx-textbox-content"] * {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace !important;
}
.trajedit [class*="richtext"],
.trajedit [data-testid="htx-textbox-content"] * {
  color: inherit;
  font-size: inherit;
  letter-spacing: inherit;
  line-height: inherit;
  unicode-bidi: plaintext;
  white-space: inherit;
}
.trajedit [data-linenumbers="disabled"] [class*="richtext__line"] {
  display: block;
  max-width: 100%;
  min-height: 1lh;
  padding: 0;
  text-align: start;
}
.trajedit [class*="richtext__line"] + br { display: none; }
"""

# The task stays in sight while the steps scroll by. The scrolling element around the page needs to know that; otherwise
# a box reached with Tab, or the caret moving up in a tall one, can end up hidden by the task.
_TASK = """\
.trajedit .trajedit-task {
  position: sticky;
  top: 0;
  z-index: 2;
  max-height: 25vh;
  margin-bottom: 16px;
  padding: 8px 12px;
  overflow: auto;
  background: var(--trajedit-card);
  border: 1px solid var(--trajedit-border);
  border-left: 4px solid var(--trajedit-accent);
  border-radius: 6px;
  box-shadow: 0 2px 6px rgba(0, 0, 0, 0.12);
}
[class*="main-content"]:has(.trajedit-task) { scroll-padding-top: 25vh; }
.trajedit .trajedit-task .trajedit-context {
  font-size: 15px;
  line-height: 22px;
}
.trajedit .trajedit-task .trajedit-id {
  position: absolute;
  top: 8px;
  right: 12px;
  max-width: 50%;
  color: var(--trajedit-secondary);
  font-size: 11px;
}
.trajedit .trajedit-task .trajedit-id [class*="richtext__line"] {
  display: block;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
"""

_STEPS = """\
.trajedit .trajedit-step {
  margin-bottom: 16px;
  padding-bottom: 6px;
  background: var(--trajedit-card);
  border: 1px solid var(--trajedit-border);
  border-radius: 6px;
}
.trajedit .trajedit-step:focus-within { border-color: var(--trajedit-accent); }
.trajedit .trajedit-title {
  padding: 4px 12px;
  background: var(--trajedit-title);
  border-bottom: 1px solid var(--trajedit-border);
  border-radius: 6px 6px 0 0;
  font-weight: 700;
}
.trajedit .trajedit-repeated { counter-reset: trajedit-step; }
.trajedit .trajedit-repeated .trajedit-step { counter-increment: trajedit-step; }
.trajedit .trajedit-repeated .trajedit-title * { display: inline; }
.trajedit .trajedit-repeated .trajedit-title::after { content: " " counter(trajedit-step); }
.trajedit .trajedit-step .trajedit-context {
  padding: 6px 12px;
  color: var(--trajedit-secondary);
  font-size: 12px;
  line-height: 18px;
}
.trajedit .trajedit-step .trajedit-context [class*="richtext__container"] {
  max-height: 20lh;
  overflow: auto;
}
"""

_EDITORS = """\
.trajedit .trajedit-field { padding: 6px 12px; }
.trajedit .trajedit-field .trajedit-label { color: var(--trajedit-text); }
.trajedit .trajedit-original {
  max-height: max(45lh, 70vh);
  margin-top: 2px;
  padding: 6px 10px;
  overflow: auto;
  background: var(--trajedit-original);
  border: 1px solid transparent;
  border-radius: 4px;
}
.trajedit .trajedit-editor,
.trajedit .trajedit-reason {
  margin-top: 6px;
}
.trajedit .trajedit-editor *,
.trajedit .trajedit-reason * {
  margin: 0 !important;
}
.trajedit [class*="textarea__region"] { padding: 0; }
.trajedit textarea,
.trajedit [data-testid="htx-textbox-content"] {
  display: block;
  width: 100%;
  min-height: 0;
  padding: 6px 10px;
  color: var(--trajedit-text);
  background: var(--trajedit-editor);
  border: 1px solid var(--trajedit-editor-border) !important;
  border-radius: 4px;
  unicode-bidi: plaintext;
}
.trajedit textarea:focus {
  border-color: var(--trajedit-accent) !important;
  box-shadow: none;
  outline: 1px solid var(--trajedit-accent);
}
.trajedit .trajedit-reason,
.trajedit .trajedit-step-labels {
  display: flex;
  gap: 8px;
  align-items: baseline;
}
.trajedit .trajedit-reason .trajedit-label,
.trajedit .trajedit-step-labels .trajedit-label {
  flex: none;
  width: 6.5em;
  color: var(--trajedit-secondary);
  font-weight: 400;
}
.trajedit .trajedit-reason .trajedit-label + * {
  flex: auto;
  min-width: 0;
}
.trajedit .trajedit-reason textarea,
.trajedit .trajedit-reason [data-testid="htx-textbox-content"] {
  min-height: 20px;
  padding: 1px 4px;
  background: transparent;
  border-width: 0 0 1px !important;
  border-radius: 0;
  font-size: 12px;
  line-height: 18px;
}
.trajedit .trajedit-step-labels { padding: 2px 12px; }
.trajedit .trajedit-step-labels [class*="choice"] {
  margin-top: 0;
  margin-bottom: 0;
  color: var(--trajedit-text);
  font-size: 12px;
  font-weight: 400;
  line-height: 20px;
}
.trajedit .trajedit-step-labels label span { color: inherit; }
.trajedit .trajedit-step-labels [class*="-inner"] { border-color: var(--trajedit-editor-border) !important; }
.trajedit .trajedit-step-labels [class*="hint"] { display: none; }
"""

# Label Studio sets the height of a box while someone types and never resets it. Where the browser can size a box by its
# text, that is switched off.
_GROWING = """\
@supports (field-sizing: content) {
  .trajedit textarea {
    height: auto !important;
    field-sizing: content;
    resize: none;
  }
}
"""

# Each box asks for the focus when it appears, so the last one would get it and the page would scroll there. A box that
# is not visible cannot get the focus; a moment later it is visible.
_NO_AUTOFOCUS = """\
@keyframes trajedit-appear { from { visibility: hidden; } }
.trajedit textarea { animation: trajedit-appear 1ms step-end; }
"""

# An absent step loses its height rather than its box, because without a box it would not count as a step. Where a Text
# of a missing field leaves nothing, it is missed: the View around it is empty, or has nothing but the label.
_ABSENT = """\
.trajedit .trajedit-id:empty,
.trajedit .trajedit-id:has([class*="richtext__line"]:only-child:empty),
.trajedit .trajedit-context:empty,
.trajedit .trajedit-context:has(.trajedit-label:only-child),
.trajedit .trajedit-context:has([class*="richtext__line"]:only-child:empty),
.trajedit .trajedit-final-answer:has(.trajedit-context:empty),
.trajedit .trajedit-final-answer:has([class*="richtext__line"]:only-child:empty):not(:has(textarea)),
.trajedit:has([data-testid="textarea-region"]) .trajedit-field:has(.trajedit-original:empty, \
.trajedit-original [class*="richtext__line"]:only-child:empty):not(:has([data-testid="textarea-region"])) {
  display: none;
}
.trajedit:has([data-testid="textarea-region"]) .trajedit-step:has(.trajedit-original:empty, \
.trajedit-original [class*="richtext__line"]:only-child:empty):not(:has([data-testid="textarea-region"]))\
:not(:has([class*="richtext__line"]:not(:empty))):not(:has(br)) {
  height: 0;
  margin: 0;
  padding: 0;
  border: 0;
  overflow: hidden;
  visibility: hidden;
}
"""

_STEPS_STYLE = _COLOURS + _TEXT + _TASK + _STEPS + _EDITORS + _GROWING + _NO_AUTOFOCUS + _ABSENT


def _named(choice: str) -> str:
    """Selects the box to tick of a choice. With double quotes, Label Studio would take it for the name of a control."""
    return f"[name='{choice}']"


def _unchosen(choice: str) -> str:
    return f"{_named(choice)}:not(:checked)"


def _only_after(*choices: str) -> str:
    """The rules that show each of the choices in a row once the one before it is chosen."""
    return "".join(
        f".trajedit .trajedit-structure:not(:has({_named(one)}:checked)) label:has({_unchosen(next_one)}) {{\n"
        "  display: none;\n}\n"
        for one, next_one in pairwise(choices)
    )


def _in_removed(selector: str) -> str:
    """Selects that in the card of a removed step."""
    return f".trajedit .trajedit-step:has(.trajedit-structure {_named(REMOVE)}:checked) {selector}"


# What is only read, in a conversation, is a heading to Label Studio.
_CHAT_TEXT = """\
.trajedit :is(h4, h5) {
  margin: 0 !important;
  color: inherit;
  font: inherit;
  letter-spacing: inherit;
  text-align: start;
  unicode-bidi: plaintext;
}
.trajedit .trajedit-said,
.trajedit .trajedit-context,
.trajedit .trajedit-result {
  overflow-wrap: anywhere;
  tab-size: 4;
  white-space: pre-wrap;
}
.trajedit .trajedit-who {
  color: var(--trajedit-secondary);
  font-size: 12px;
  font-weight: 600;
}
.trajedit .trajedit-said,
.trajedit .trajedit-reasoning,
.trajedit .trajedit-content {
  max-height: 24lh;
  overflow: auto;
}
.trajedit .trajedit-call-name *,
.trajedit .trajedit-arguments *,
.trajedit .trajedit-other *,
.trajedit .trajedit-result :is(h4, h5) {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace !important;
}
.trajedit .trajedit-prose [class*="richtext"],
.trajedit .trajedit-prose textarea,
.trajedit .trajedit-call .trajedit-label *,
.trajedit .trajedit-context .trajedit-label *,
.trajedit .trajedit-prose [data-testid="htx-textbox-content"] * {
  font-family: inherit !important;
}
"""

# The task is most often the first message, too, which stands below it in full.
_CHAT = """\
.trajedit .trajedit-task { max-height: 16vh; }
.trajedit .trajedit-system {
  margin-bottom: 16px;
  background: var(--trajedit-card);
  border: 1px solid var(--trajedit-border);
  border-radius: 6px;
}
.trajedit .trajedit-system * { color: var(--trajedit-text) !important; }
.trajedit .trajedit-system [class*="collapse"] { background: transparent; border: 0; }
.trajedit .trajedit-heard {
  margin: 0 0 12px;
  padding: 4px 12px;
  border-left: 3px solid var(--trajedit-border);
}
.trajedit .trajedit-call {
  margin: 6px 12px;
  padding: 4px 0;
  border: 1px solid var(--trajedit-border);
  border-radius: 4px;
}
.trajedit .trajedit-call-name {
  padding: 0 12px;
  font-weight: 700;
}
.trajedit .trajedit-result {
  max-height: 14lh;
  overflow: auto;
  margin: 2px 12px;
  padding: 2px 0 2px 10px;
  border-left: 3px solid var(--trajedit-border);
  font-size: 12px;
  line-height: 18px;
}
.trajedit .trajedit-image {
  max-width: 480px;
  margin: 4px 12px;
}
.trajedit .trajedit-image [class*="toolbar"] { display: none; }
"""

# Results can be megabytes long. What is out of sight is not laid out, so a session of 10 MB opens in half the time.
_LONG_RESULTS = """\
.trajedit .trajedit-result :is(h4, h5) {
  content-visibility: auto;
  contain-intrinsic-size: auto 4lh;
}
"""

# A message without text is there, unlike one that the task lacks.
_CHAT_ABSENT = """\
.trajedit .trajedit-has-system,
.trajedit .trajedit-system:has(.trajedit-has-system :is(h4, h5):empty),
.trajedit .trajedit-system:has(.trajedit-said :is(h4, h5):empty),
.trajedit .trajedit-heard:has(.trajedit-who :is(h4, h5):empty),
.trajedit .trajedit-step:has(.trajedit-title :is(h4, h5):empty),
.trajedit .trajedit-call:has(.trajedit-call-name :is(h4, h5):empty),
.trajedit .trajedit-result:has(:is(h4, h5):empty),
.trajedit .trajedit-context:has(:is(h4, h5):empty),
.trajedit .trajedit-image:empty {
  display: none;
}
.trajedit .trajedit-said :is(h4, h5):empty::after {
  content: "(no text)";
  color: var(--trajedit-secondary);
}
"""

_STRUCTURE_COLOURS = """\
.trajedit { --trajedit-new: #0b5323; }
[data-color-scheme="dark"] .trajedit { --trajedit-new: #a5ecb5; }
"""

# Quiet until it is used: a second step is offered once the first is chosen, and one before the first step only there.
_STRUCTURE_ROW = f"""\
.trajedit .trajedit-structure {{ padding: 2px 12px; }}
.trajedit .trajedit-structure [class*="choice"] {{
  margin-top: 0;
  margin-bottom: 0;
  color: var(--trajedit-secondary);
  font-size: 12px;
  font-weight: 400;
  line-height: 20px;
}}
.trajedit .trajedit-structure label span {{ color: inherit; }}
.trajedit .trajedit-structure label:has(:checked) {{ color: var(--trajedit-text); font-weight: 600; }}
.trajedit .trajedit-structure [class*="-inner"] {{ border-color: var(--trajedit-editor-border) !important; }}
.trajedit .trajedit-structure [class*="hint"] {{ display: none; }}
{_only_after(*INSERT_AFTER)}{_only_after(*INSERT_BEFORE)}\
.trajedit .trajedit-repeated :has(.trajedit-step) ~ * label:has({_unchosen(INSERT_BEFORE[0])}) {{
  display: none;
}}
.trajedit .trajedit-removal {{ padding: 2px 12px; }}
.trajedit .trajedit-anchor {{ display: none; }}
"""

# The boxes of a removed step are only out of sight: what was typed there is submitted, and back when the step is.
_REMOVED = f"""\
{_in_removed(".trajedit-title :is(h4, h5)")},
{_in_removed(".trajedit-original")},
{_in_removed(".trajedit-context")},
{_in_removed(".trajedit-call-name")},
{_in_removed(".trajedit-result")} {{
  color: var(--trajedit-secondary);
  background: transparent;
  text-decoration: line-through;
}}
{_in_removed(".trajedit-editor")},
{_in_removed(".trajedit-field .trajedit-reason")} {{
  display: none;
}}
"""

_INSERTED = """\
.trajedit .trajedit-inserted {
  margin: 0 0 16px 24px;
  padding-bottom: 6px;
  background: var(--trajedit-card);
  border: 1px solid var(--trajedit-border);
  border-left: 4px solid var(--trajedit-new);
  border-radius: 6px;
}
.trajedit .trajedit-inserted:focus-within { border-color: var(--trajedit-new); }
.trajedit .trajedit-inserted textarea,
.trajedit .trajedit-inserted [data-testid="htx-textbox-content"] * {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace !important;
}
.trajedit .trajedit-inserted .trajedit-prose textarea,
.trajedit .trajedit-inserted .trajedit-prose [data-testid="htx-textbox-content"] * {
  font-family: inherit !important;
}
.trajedit .trajedit-repeated .trajedit-inserted .trajedit-title::after { content: none; }
"""


def _signed(kind: str, rules: str) -> str:
    """The rules under a line that shows whether somebody changed them since."""
    return f"/* ls-trajedit {kind} {_digest(rules)} */\n{rules}"


def _digest(rules: str) -> str:
    """What tells these rules from others, however they are indented."""
    return hashlib.sha256(" ".join(rules.split()).encode()).hexdigest()[:16]


STYLE = _signed("steps", _STEPS_STYLE)
CHAT_STYLE = _signed("chats", _STEPS_STYLE + _CHAT_TEXT + _CHAT + _LONG_RESULTS + _CHAT_ABSENT)
STRUCTURE_STYLE = _signed("structure", _STRUCTURE_COLOURS + _STRUCTURE_ROW + _REMOVED + _INSERTED)

_CURRENT = {"steps": STYLE, "chats": CHAT_STYLE, "structure": STRUCTURE_STYLE}
_ELEMENT = re.compile(r"(<Style>\s*)([^<]*?)(\s*</Style>)")
_SIGNED = re.compile(r"/\* ls-trajedit (steps|chats|structure) ([0-9a-f]{16}) \*/\s*(.*)", re.DOTALL)
# The digests of what was written before there was a line that says so.
_UNSIGNED = {
    "99b4bac6414fe0ad": "steps",
    "3bd755eba06cb774": "steps",
    "df07ad81b1a323be": "steps",
    "928f6d4613f9c029": "chats",
    "9b52a159b565559a": "chats",
    "6bbd7f9c17773099": "chats",
    "33392b37843e6ea2": "chats",
    "829cd8eb0092a549": "chats",
}


def renew_style(config: str) -> str:
    """The labeling config `config` (XML) with the Style of this version in the place of one that another version wrote.
    One that somebody changed stays, and so does everything else, byte for byte."""
    return _ELEMENT.sub(_renewed, config)


def _renewed(element: re.Match[str]) -> str:
    before, style, after = element.groups()
    kind = _writer(style)
    return f"{before}{_CURRENT[kind].strip()}{after}" if kind else element.group()


def _writer(style: str) -> str | None:
    """For which kind of config a version of ls-trajedit wrote `style`; None when somebody else did."""
    if signed := _SIGNED.fullmatch(style):
        kind, digest, rules = signed.groups()
        return kind if digest == _digest(rules) else None
    return _UNSIGNED.get(_digest(style))
