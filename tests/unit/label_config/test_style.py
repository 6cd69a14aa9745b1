"""The editor page's look, as far as it can be checked without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.style import CHAT_STYLE, STRUCTURE_STYLE, STYLE, renew_style
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.shape import shape_of
from tests.support.conversations import TRIP, data_of

TRACE = {"id": "t", "task": "look it up", "steps": [{"thought": "hm", "action": "search(x)"}], "final_answer": "42"}
EVERYTHING = Options(
    description="Correct the actions.",
    edit_final_answer=True,
    require_reason_on_edit=True,
    step_labels=StepLabels(correctness=["correct"], error_types=["typo"]),
)


KINDS = {"steps": STYLE, "chats": CHAT_STYLE, "structure": STRUCTURE_STYLE}
STYLES = pytest.mark.parametrize("style", KINDS.values(), ids=KINDS)


@STYLES
def test_label_studio_does_not_change_the_style(style: str) -> None:
    assert not re.search("[<>&]", style)
    # It looks for the names of controls with a regular expression, and no two may be the same.
    assert not re.search('name="', style)


@STYLES
def test_no_rule_reaches_beyond_the_editor_page(style: str) -> None:
    selectors = re.findall(r"([^{};]+)\{", style)
    assert len(selectors) > 15
    for selector in selectors:
        for alternative in selector.strip().split(",\n"):
            assert ".trajedit" in alternative or alternative.startswith("@") or alternative == "from"


@STYLES
def test_braces_are_balanced(style: str) -> None:
    depth = 0
    for brace in re.findall("[{}]", style):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


@STYLES
def test_no_rule_asks_for_what_only_some_versions_of_label_studio_have(style: str) -> None:
    # `textarea-form` and `textarea-control` came with 1.23.0; `textarea-region` is in all from 1.12 on.
    assert set(re.findall(r'data-testid="([^"]+)"', style)) <= {"textarea-region", "htx-textbox-content"}


def in_a_config(style: str) -> str:
    return f'<View className="trajedit"><Style>\n{style}</Style>\n<Text name="a" value="$b"/>\r\n</View>'


@STYLES
def test_a_style_of_this_version_stays_however_it_is_indented(style: str) -> None:
    config = in_a_config(style)
    assert renew_style(config) == config
    assert renew_style(config.replace("  ", "\t").replace("\n", "\r\n")).replace("\r\n", "\n").split() == config.split()


@STYLES
def test_a_style_that_another_version_signed_is_renewed_and_nothing_else_changes(style: str) -> None:
    kind = next(kind for kind, known in KINDS.items() if known == style)
    # sha256 of ".trajedit { color: teal; }", by sha256sum; the rules may be indented in another way by now.
    another = f"/* ls-trajedit {kind} 7471c4d73e7c4141 */\n.trajedit {{\n  color: teal;\n}}\n"
    assert renew_style(in_a_config(another)) == in_a_config(style)


@STYLES
def test_a_style_that_somebody_changed_stays(style: str) -> None:
    for config in (in_a_config(style.replace("12px", "14px")), in_a_config(".trajedit { color: teal; }"), "<View/>"):
        assert renew_style(config) == config


@pytest.mark.parametrize("name", ["steps", "chats"])
def test_a_style_from_before_they_were_signed_is_renewed(name: str) -> None:
    old = (Path(__file__).parents[2] / "fixtures" / "styles" / f"{name}.css").read_text(encoding="utf-8")
    assert "ls-trajedit" not in old
    assert renew_style(in_a_config(old)) == in_a_config(STYLE if name == "steps" else CHAT_STYLE)
    mine = old.replace("#ffffff", "#fffff0")
    assert renew_style(in_a_config(mine)) == in_a_config(mine)


def test_two_styles_of_one_config_are_renewed_each_on_its_own() -> None:
    options = replace(EVERYTHING, allow_remove=True)
    config = write_config(options, shape_of([TRACE], options))
    assert renew_style(config) == config
    changed = config.replace("--trajedit-new: #0b5323", "--trajedit-new: #0b5324")
    assert renew_style(changed) == changed
    older = "/* ls-trajedit structure 7471c4d73e7c4141 */\n.trajedit { color: teal; }\n"
    with_older = re.sub(r"/\* ls-trajedit structure .*?(?=</Style>)", older, config, flags=re.DOTALL)
    assert "teal" in with_older
    assert renew_style(with_older).split() == config.split()


@pytest.mark.parametrize("layout", ["unrolled", "repeater"])
def test_every_class_of_removed_and_inserted_steps_is_one_that_the_styles_know(layout: str) -> None:
    plain = replace(EVERYTHING, layout=layout, allow_remove=True, allow_insert=2)
    chats = replace(EVERYTHING, editable_fields=["reasoning"], allow_remove=True, allow_insert=2)
    written = _classes_in(write_config(plain, shape_of([TRACE], plain)))
    written |= _classes_in(write_chat_config(chats, chat_shape([data_of(TRIP)])))
    of_structure = set(re.findall(r"\.(trajedit-[a-z-]+)", STRUCTURE_STYLE))
    assert written - of_structure - set(re.findall(r"\.(trajedit-[a-z-]+)", CHAT_STYLE)) == set()
    assert of_structure - written == ({"trajedit-repeated"} if layout == "unrolled" else set())


@pytest.mark.parametrize("layout", ["unrolled", "repeater"])
def test_every_class_that_the_config_writes_is_one_that_the_style_knows(layout: str) -> None:
    options = replace(EVERYTHING, layout=layout)
    config = write_config(options, shape_of([TRACE], options))
    written = _classes_in(config)
    styled = set(re.findall(r"\.(trajedit-[a-z-]+)", STYLE))
    assert written - styled == set()
    assert styled - written == ({"trajedit-repeated"} if layout == "unrolled" else set())


def test_every_class_that_the_config_of_a_conversation_writes_is_one_that_its_style_knows() -> None:
    data = data_of(TRIP)
    data["steps"][1]["other"] = "{}"
    written = set()
    for fields in (["content"], ["tool_calls[*].arguments"]):
        options = replace(EVERYTHING, editable_fields=fields)
        written |= _classes_in(write_chat_config(options, chat_shape([data])))
    styled = set(re.findall(r"\.(trajedit-[a-z-]+)", CHAT_STYLE))
    assert written - styled == set()
    assert styled - written == {"trajedit-repeated", "trajedit-final-answer"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("foreground", "background", "wanted"),
    [
        ("text", "card", 7.0),
        ("text", "title", 7.0),
        ("text", "original", 7.0),
        ("text", "editor", 7.0),
        ("secondary", "card", 4.5),
        ("new", "card", 3.0),
        ("editor-border", "card", 3.0),
        ("editor-border", "editor", 3.0),
        ("accent", "card", 3.0),
        ("accent", "editor", 3.0),
    ],
)
def test_contrast_is_what_wcag_asks_for(theme: str, foreground: str, background: str, wanted: float) -> None:
    colours = _colours(theme)
    assert _contrast(colours[foreground], colours[background]) >= wanted


def test_contrast_by_hand() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_declare_every_colour_in_use(theme: str) -> None:
    assert set(re.findall(r"var\(--trajedit-([a-z-]+)\)", CHAT_STYLE + STRUCTURE_STYLE)) == set(_colours(theme))


def _classes_in(config: str) -> set[str]:
    """The classes in the config, but for the root's."""
    return {name for classes in re.findall(r'<View className="([^"]+)"', config)[1:] for name in classes.split()}


def _colours(theme: str) -> dict[str, str]:
    start = '[data-color-scheme="dark"] .trajedit {' if theme == "dark" else ".trajedit {"
    blocks = [style[style.index(start) :].partition("}")[0] for style in (STYLE, STRUCTURE_STYLE)]
    return dict(re.findall(r"--trajedit-([a-z-]+): (#[0-9a-f]{6});", "".join(blocks)))


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2: (L1 + 0.05) / (L2 + 0.05), the lighter colour's luminance first."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
