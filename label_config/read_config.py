"""Reads a Schema from any labeling config whose TextAreas point at what they correct: ours, ours after someone restyled
it, or one that a person wrote by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lxml import etree

from ls_trajedit.label_config.controls import (
    Controls,
    Editor,
    Tag,
    TextControl,
    matches_name,
    resolve_controls,
    split_path,
    value_path,
)
from ls_trajedit.label_config.schema import RepeatedTags, Schema
from ls_trajedit.traces.bounded_cache import BoundedCache
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.field_path import FieldPath, format_path, parse_path
from ls_trajedit.traces.options import Options, with_task_fallbacks

__all__ = [
    "DESCRIPTION_CLASS",
    "FINAL_ANSWER_TAG",
    "FLAG_CLASSES",
    "MOST_ATTRIBUTES",
    "MOST_CHARACTERS",
    "MOST_DEPTH",
    "MOST_REPEATED_TAGS",
    "MOST_TAGS",
    "ROOT_CLASS",
    "TASK_TAG",
    "TRACE_ID_TAG",
    "choices_in",
    "description_in",
    "read_config",
    "shown_values",
]

# The classes and the names of tags that write_config writes and read_config looks for.
ROOT_CLASS = "trajedit"
DESCRIPTION_CLASS = "trajedit-description"
FLAG_CLASSES = {
    "show_diff": "trajedit-show-diff",
    "show_edit_distance": "trajedit-show-edit-distance",
    "allow_reset": "trajedit-allow-reset",
    "require_reason_on_edit": "trajedit-require-reason",
}
TASK_TAG = "task"
TRACE_ID_TAG = "trace_id"
FINAL_ANSWER_TAG = "final_answer"

# What a labeling config may have. With five fields, reasons and 23 labels for each of 1,000 steps, `write_config` makes
# one of 6 million characters, 94,000 tags, 7 attributes in a tag and 6 levels, which no browser opens any more. With
# boxes for three inserted steps in each gap, 300 steps make one of 5 million characters and 60,000 tags.
MOST_CHARACTERS = 10_000_000
MOST_TAGS = 120_000
MOST_ATTRIBUTES = 100
MOST_DEPTH = 100
MOST_REPEATED_TAGS = 1_000
"""The tags with a name inside a Repeater; `write_config` makes 60."""

_DEFAULTS = Options()
_OVERRIDES = {"steps_key", "id_key", "task_key", "final_answer_key", "step_text_key"}
_DEFAULT_FLAG = "{{idx}}"


def read_config(config: str, options: Options | None = None) -> Schema:
    """The schema of the labeling config `config` (XML). The keys that `options` sets explicitly (`steps_key`, `id_key`,
    `task_key`, `final_answer_key`, `step_text_key`) override what the config says or leaves open, and its
    `remark_controls` correct nothing.

    Raises ConfigError when `config` is not XML or is larger than a labeling config may be, has no TextArea that
    corrects a field or is for remarks, or does not say which of several TextAreas corrects a field.
    """
    chosen = {name: getattr(options, name) for name in options.given if name in _OVERRIDES} if options else {}
    if options and len(options.id_keys) > 1:
        # Such an id is made before a chat becomes a task, and stands in one place there.
        del chosen["id_key"]
    key = (config, tuple(sorted(chosen.items())), tuple(options.remark_controls) if options else ())
    found = _KEPT_SCHEMAS.get(key)
    return _KEPT_SCHEMAS.keep(key, *_read(*key)) if found is None else found


def shown_values(config: str) -> frozenset[str]:
    """What the labeling config shows of a task: the `value` of every Text, and of the Headers and Images that show a
    field."""
    shown = (element for element in _parse(config).iter() if _kind(element) in ("text", "header", "image"))
    values = ((_kind(element), _attribute(element, "value") or "") for element in shown)
    return frozenset(value for kind, value in values if kind == "text" or value.startswith("$"))


def choices_in(config: str) -> dict[str, list[str]]:
    """What can be chosen in each Choices of the labeling config, by its name. In a Repeater, names are as they are
    for its first step."""
    found: dict[str, list[str]] = {}
    for element in _parse(config).iter():
        if _kind(element) == "choices" and (name := _attribute(element, "name")) is not None:
            flag = next((_flag(above) for above in element.iterancestors() if _kind(above) == "repeater"), None)
            values = (_attribute(choice, "value") for choice in element.iter() if _kind(choice) == "choice")
            found[name if flag is None else name.replace(flag, "0", 1)] = [value for value in values if value]
    return found


def description_in(config: str) -> str:
    """The description that the labeling config shows at its top; empty when there is none."""
    for view in _parse(config):
        if _attribute(view, "classname") == DESCRIPTION_CLASS:
            return next((_attribute(inner, "value") or "" for inner in view), "")
    return ""


_Overrides = tuple[tuple[str, str], ...]
# A backend is asked about the same few projects again and again.
_KEPT_SCHEMAS: BoundedCache[tuple[str, _Overrides, tuple[str, ...]], Schema] = BoundedCache(100_000_000)
# What a schema takes for each tag with a name, and for each character of the config.
_TAG_SIZE = 2_000
_CHARACTER_SIZE = 4


def _read(config: str, overrides: _Overrides, remark_names: tuple[str, ...]) -> tuple[Schema, int]:
    """The schema, and about how many bytes it takes."""
    root = _parse(config)
    chosen = dict(overrides)
    bare_step_field = chosen.get("step_text_key", _DEFAULTS.step_text_key)
    tags, repeated, repeated_path = _collect_tags(root, remark_names)
    fixed = replace(resolve_controls(tags, bare_step_field), remark_names=remark_names)
    final_answer_path = _final_answer_path(fixed, tags, chosen.get("final_answer_key"))
    fixed = _keep_one_answer(fixed, final_answer_path)
    # Two steps, not one: only then it shows when the index does not tell the controls apart.
    sample = resolve_controls([*repeated.at(0), *repeated.at(1)], bare_step_field) if repeated else Controls()
    structures = (*fixed.structures, *sample.structures)
    is_for_remarks = any(text.is_remark for text in (*fixed.texts, *sample.texts))
    if not fixed.editors and not sample.editors and not structures and not is_for_remarks:
        raise ConfigError(
            "the labeling config has no TextArea that corrects a field: it needs a "
            '<Text name="x" value="$steps[0].action"/> with a <TextArea toName="x"/> (`ls-trajedit config` writes one)'
            + "".join(f". `{text.control}` {text.about}" for text in (*fixed.texts, *sample.texts)[:1])
        )
    indices = [editor.step_index for editor in fixed.editors if editor.step_index is not None]
    indices += [structure.step_index for structure in fixed.structures]
    steps_path = _steps_path(fixed, sample, repeated_path, chosen.get("steps_key"))
    id_path = _top_level_path(tags, TRACE_ID_TAG, chosen.get("id_key"), _DEFAULTS.id_keys[0])
    task_path = _task_path(tags, fixed, {id_path, final_answer_path}, chosen.get("task_key"))
    schema = Schema(
        fixed=fixed.with_steps(steps_path),
        repeated=repeated,
        steps_path=steps_path,
        id_path=id_path,
        task_paths=with_task_fallbacks(task_path, (steps_path, id_path, final_answer_path)),
        final_answer_path=final_answer_path,
        bare_step_field=bare_step_field,
        max_steps=None if repeated else max(indices, default=-1) + 1,
        **_flags(root),
    )
    count = len(tags) + 2 * len(repeated.tags if repeated else ())
    return schema, _TAG_SIZE * (count + 1) + _CHARACTER_SIZE * len(config)


def _parse(config: str) -> etree._Element:
    """The root of the config. Raises ConfigError when it is not XML, or larger in any way than a labeling config may
    be; what takes much to find out is looked at last."""
    _check("characters", len(config), MOST_CHARACTERS)
    # In an attribute there is no `<`, so these are tags, or text that looks like them in a CDATA section or a comment.
    _check("tags", config.count("<") - config.count("</") - config.count("<!") - config.count("<?"), MOST_TAGS)
    # The text is UTF-8 by now, whatever encoding its XML declaration names.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(config.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if "Excessive depth" in str(error):  # of 256, where libxml2 ends by itself
            _check("nested tags", 257, MOST_DEPTH)
        raise ConfigError(f"the labeling config is not XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ConfigError("the labeling config has a DOCTYPE, which Label Studio does not take either; remove it")
    for element, depth in _with_depth(root):
        _check("nested tags", depth, MOST_DEPTH)
        _check("attributes in one tag", len(element.attrib), MOST_ATTRIBUTES)
    return root


def _check(what: str, count: int, most: int) -> None:
    if count > most:
        raise ConfigError(f"the labeling config has {count} {what}, and the limit is {most}")


def _with_depth(root: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            depth += 1
            yield element, depth
        else:
            depth -= 1


def _collect_tags(
    root: etree._Element, remark_names: tuple[str, ...]
) -> tuple[list[Tag], RepeatedTags | None, FieldPath | None]:
    repeated: RepeatedTags | None = None
    steps_path: FieldPath | None = None
    repeaters = [element for element in root.iter() if _kind(element) == "repeater"]
    if len(repeaters) > 1:
        raise ConfigError("the labeling config has more than one Repeater; ls-trajedit reads one, over the steps")
    for repeater in repeaters:
        on = _attribute(repeater, "on") or ""
        steps_path = value_path(Tag("repeater", "", None, on))
        if steps_path is None:
            raise ConfigError(f'the Repeater has on="{on}"; it must name the list of steps, such as on="$steps"')
        repeated = RepeatedTags(tuple(_tags(repeater, (), remark_names)), _flag(repeater))
        _check("tags with a name in the Repeater", len(repeated.tags), MOST_REPEATED_TAGS)
    return list(_tags(root, repeaters, remark_names)), repeated, steps_path


def _flag(repeater: etree._Element) -> str:
    return _attribute(repeater, "indexflag") or _DEFAULT_FLAG


def _tags(root: etree._Element, without: Iterable[etree._Element], remark_names: tuple[str, ...]) -> Iterator[Tag]:
    """The tags at `root` and below, but for `without` and what is below these, in the order of the config. What is
    inside a HyperText is its value."""
    left_out = frozenset(without)
    to_visit = [root]
    while to_visit:
        element = to_visit.pop()
        if element in left_out:
            continue
        if tag := _tag(element, remark_names):
            yield tag
        if _kind(element) != "hypertext":
            to_visit.extend(reversed(element))


def _tag(element: etree._Element, remark_names: tuple[str, ...]) -> Tag | None:
    attributes = {str(key).lower(): str(value) for key, value in element.attrib.items()}
    name = attributes.get("name")
    if name is None:
        return None
    return Tag(
        _kind(element),
        name,
        attributes.get("toname"),
        _content(element) or attributes.get("value"),
        any(attributes.get(key, "").strip().lower() == "true" for key in ("perregion", "peritem")),
        bool(remark_names) and matches_name(name, remark_names),
        not _shows_something_else(attributes),
        tuple(_choice_values(element)) if _kind(element) == "choices" else (),
    )


def _choice_values(choices: etree._Element) -> Iterator[str]:
    """What results have for the choices: the `alias` of each or, without one, its `value`."""
    for element in choices.iter():
        if _kind(element) == "choice":
            alias = _attribute(element, "alias")
            yield _attribute(element, "value") or "" if alias is None else alias


def _content(element: etree._Element) -> str:
    """What stands inside a tag, which Label Studio takes for its `value` if that is only text, or if the tag is a
    HyperText (`tagIntoObject` in its editor's core/Tree.tsx)."""
    if not len(element):
        return (element.text or "").strip()
    if _kind(element) == "hypertext":
        return f"{element.text or ''}{''.join(etree.tostring(child, encoding='unicode') for child in element)}".strip()
    return ""


def _shows_something_else(attributes: Mapping[str, str]) -> bool:
    """Whether a tag shows what it gets from its value: the text at that address, or what is encoded in it."""
    return (
        attributes.get("valuetype") == "url"
        or attributes.get("encoding", "none") != "none"
        or bool(attributes.get("resolver"))
    )


def _kind(element: etree._Element) -> str:
    return str(element.tag).lower()


def _attribute(element: etree._Element, name: str) -> str | None:
    return next((str(value) for key, value in element.attrib.items() if str(key).lower() == name), None)


def _flags(root: etree._Element) -> dict[str, bool]:
    classes = (_attribute(root, "classname") or "").split()
    if ROOT_CLASS not in classes:
        return {name: getattr(_DEFAULTS, name) for name in FLAG_CLASSES}
    return {name: css_class in classes for name, css_class in FLAG_CLASSES.items()}


def _keep_one_answer(fixed: Controls, final_answer: FieldPath) -> Controls:
    """`fixed` with its editors in order of step and the final answer's last. What is typed into a TextArea on another
    field outside the steps cannot be recorded (`_final_answer_path` made sure that the user chose this), and Choices on
    another field there score no part of the trace."""
    of_steps = [editor for editor in fixed.editors if editor.step_index is not None]
    of_steps.sort(key=lambda editor: editor.step_index or 0)
    answers: list[Editor] = []
    passed_over: list[Editor] = []
    for editor in fixed.editors:
        if editor.step_index is None:
            (answers if editor.path == final_answer else passed_over).append(editor)
    texts = list(fixed.texts)
    for editor in passed_over:
        about = f"corrects `{editor.field}`, and the final answer is `{format_path(final_answer)}`"
        texts.append(TextControl(editor.control, "textarea", editor.original, about, False, editor.path))
        if editor.reason is not None:
            texts.append(TextControl(editor.reason, "textarea", editor.original, about, True))
    labels, others = [], set(fixed.others)
    for label in fixed.labels:
        if label.step_index is not None or label.step == final_answer:
            labels.append(label)
        else:
            others.add(label.control)
    return replace(
        fixed,
        editors=(*of_steps, *answers),
        labels=tuple(labels),
        texts=tuple(texts),
        others=frozenset(others),
    )


def _final_answer_path(fixed: Controls, tags: list[Tag], chosen: str | None) -> FieldPath:
    corrected = [editor for editor in fixed.editors if editor.step_index is None]
    if chosen is not None:
        path = parse_path(chosen)
        if corrected and path not in [editor.path for editor in corrected]:
            names = ", ".join(format_path(editor.path) for editor in corrected)
            raise ConfigError(
                f"`final_answer_key` is {chosen}, which no TextArea of the labeling config corrects; outside the steps "
                f"it corrects: {names}. Leave `final_answer_key` out, or name one of these"
            )
        return path
    if len(corrected) > 1:
        names = ", ".join(f"`{e.control}` ({format_path(e.path)})" for e in corrected)
        raise ConfigError(
            f"several TextAreas correct fields outside the steps: {names}; "
            "say which is the final answer with `final_answer_key` in trajedit.yaml, and which are there for remarks "
            "with `remark_controls`"
        )
    if corrected:
        return corrected[0].path
    return _top_level_path(tags, FINAL_ANSWER_TAG, None, _DEFAULTS.final_answer_key)


def _steps_path(fixed: Controls, sample: Controls, repeated: FieldPath | None, chosen: str | None) -> FieldPath:
    paths = dict.fromkeys(split_path(e.path)[0] for e in (*fixed.editors, *sample.editors) if e.step_index is not None)
    if repeated is not None:
        paths.setdefault(repeated)
    if not paths:
        paths = dict.fromkeys(structure.step[:-1] for structure in fixed.structures)
    if len(paths) > 1:
        names = ", ".join(f"`{format_path(path)}`" for path in paths)
        raise ConfigError(
            f"the TextAreas correct steps of several lists: {names}; a trace has one list of steps, and TextAreas that "
            "are there for remarks are named in `remark_controls` in trajedit.yaml"
        )
    if not paths and chosen is None and not fixed.editors:
        # Nothing is corrected, but something is remarked on.
        about = {text.original for text in fixed.texts}
        shown = {field.steps for field in fixed.shown if field.name in about and field.step_index is not None}
        if len(shown) == 1:
            return shown.pop()
    return next(iter(paths), parse_path(chosen or _DEFAULTS.steps_key))


def _task_path(tags: list[Tag], fixed: Controls, others: set[FieldPath], chosen: str | None) -> FieldPath:
    if chosen is not None:
        return parse_path(chosen)
    corrected = {editor.original for editor in fixed.editors}
    for tag in tags:
        path = value_path(tag) if tag.kind == "text" and tag.name not in corrected else None
        is_top_level = path is not None and split_path(path)[1] is None
        if path is not None and is_top_level and tag.name != TRACE_ID_TAG and path not in others:
            return path
    return parse_path(_DEFAULTS.task_key)


def _top_level_path(tags: list[Tag], name: str, chosen: str | None, default: str) -> FieldPath:
    if chosen is not None:
        return parse_path(chosen)
    shown = (value_path(tag) for tag in tags if tag.kind == "text" and tag.name == name)
    top_level = (path for path in shown if path is not None and split_path(path)[1] is None)
    return next(top_level, parse_path(default))
