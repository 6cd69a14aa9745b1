"""The heart of it: what an annotation's results say was corrected.

For each editor that the config declares and whose field the task has: no result means not edited, text equal to the
original means not edited, and any other text is a correction. `origin` and `parent_prediction` are never used: they say
what was touched, not what was changed.

What else somebody typed is kept as a remark where it is about a marked region, about something that the task lacks, or
where the control is there for remarks. Any other text rejects the annotation: none is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.newlines import fold_newlines, restore_newlines, same_but_newlines
from ls_trajedit.converters.annotations.structure import StepChange, read_structure
from ls_trajedit.converters.annotations.typed_texts import said_texts
from ls_trajedit.converters.record import NESTED, ReasonWithoutEdit, RejectedAnnotation, RejectReason, Remark, StepLabel
from ls_trajedit.label_config.controls import DeclaredControls, Editor, ExpectedResult, TextControl, matches_name
from ls_trajedit.label_config.task_data import editor_text, json_texts, shown_data
from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, format_path, get_field
from ls_trajedit.traces.json_text import canonical_json, json_line, parse_json
from ls_trajedit.traces.jsonb import as_jsonb, is_jsonb

__all__ = ["EditedField", "Reading", "read_annotation"]

# What a result is about when its value has one of these: a part of what its tag shows. From the `serialize` of each
# region in Label Studio 1.23.2 (editor/src/regions).
_PLACES = frozenset(
    (
        *("start", "end", "startOffset", "endOffset", "globalOffsets", "channel", "instant", "ranges", "sequence"),
        *("x", "y", "width", "height", "radiusX", "radiusY", "rotation", "points", "vertices", "closed"),
        *("rle", "touches", "maskDataURL", "imageDataURL", "pageIndex"),
    )
)
# The types of results that classify or describe all that their tag shows, unless their value has a place.
_ABOUT_THE_WHOLE = frozenset(
    (
        *("textarea", "choices", "rating", "number", "datetime", "taxonomy", "pairwise", "ranker"),
        *("relation", "chatmessage", "reactcode"),
    )
)


class EditedField(NamedTuple):
    """A field that the annotator corrected. `value` is what now stands there in the task's data: the text or, where the
    original is not a string, the JSON value that the text stands for."""

    editor: Editor
    original_text: str
    edited_text: str
    value: Any
    reason: str


class Reading(NamedTuple):
    """What one annotation says. `empty_insertions` counts the steps that were to be inserted and have nothing in
    them."""

    edits: tuple[EditedField, ...]
    labels: tuple[StepLabel, ...]
    reasons_without_edit: tuple[ReasonWithoutEdit, ...]
    remarks: tuple[Remark, ...] = ()
    changes: tuple[StepChange, ...] = ()
    empty_insertions: int = 0


class _Sorted(NamedTuple):
    """The texts or choices of each control that corrects, explains or scores something, and the remarks."""

    given: dict[str, list[str]]
    remarks: list[Remark]


def read_annotation(results: Any, controls: DeclaredControls, data: Mapping[str, Any]) -> Reading:
    """Reads the `result` list of an annotation of a task with this `data`.

    Edits come in the order of the config's editors. Raises RejectedAnnotation when anything in `results` cannot be
    attributed to exactly one field.
    """
    shown = shown_data(data) if RESERVED_KEY in data else data
    given, remarks = _sort_results(results, controls, shown)
    if not given:
        return Reading((), (), (), tuple(remarks))
    noted_json = json_texts(data)
    edits = []
    reasons_without_edit = []
    editors = controls.editors_of(given)
    for editor in editors:
        reason = "\n".join(said_texts(given.get(editor.reason or "", ())))
        texts = given.get(editor.control, [])
        original = get_field(shown, editor.path)
        if original is MISSING or original is None:
            remarks += [Remark(editor.control, editor.step_index, editor.field, text) for text in said_texts(texts)]
            if editor.reason and reason:
                remarks.append(Remark(editor.reason, editor.step_index, editor.field, reason))
            continue
        is_json = bool(noted_json) and format_path(editor.path) in noted_json
        edited = _read_editor(editor, texts, original, is_json, data, reason)
        if edited is not None:
            edits.append(edited)
        elif reason:
            reasons_without_edit.append(ReasonWithoutEdit(editor.step_index, editor.field, reason))
    others = given.keys() - {name for editor in editors for name in (editor.control, editor.reason)}
    if not others:  # nearly always
        return Reading(tuple(edits), (), tuple(reasons_without_edit), tuple(remarks))
    labels = []
    for label in controls.labels_of(others):
        choices = given[label.control]
        if get_field(data, label.step) not in (MISSING, None):
            labels.append(StepLabel(label.step_index, label.name, tuple(choices)))
        elif choices:
            remarks.append(Remark(label.control, label.step_index, "", "\n".join(choices)))
    read = read_structure(controls.structures_of(others), given, data)
    return Reading(
        tuple(edits),
        tuple(labels),
        (*reasons_without_edit, *read.reasons_without_change),
        (*remarks, *read.remarks),
        read.changes,
        read.empty_insertions,
    )


def _sort_results(results: Any, controls: DeclaredControls, shown: Mapping[str, Any]) -> _Sorted:
    """What each control was given, checked against what the config declares about it. Texts equal to the original, in
    the data as it is `shown`, may be missing: they say nothing, and there are many of them."""
    if not isinstance(results, list):
        raise RejectedAnnotation(RejectReason.WRONG_SHAPE, "the annotation's `result` is not a list")
    expected = controls.expected_results
    shown_as_it_is = RESERVED_KEY not in shown
    given: dict[str, list[str]] = {}
    joined: set[str] = set()
    # Most annotations hold nothing but what is expected, and this runs for each result: whatever is not as plain as can
    # be has all of them looked at closely.
    for result in results:
        try:
            name, value = result["from_name"], result["value"]
            if type(name) is not str or type(value) is not dict or len(value) != 1:
                return _sort_closely(results, controls, shown)
            original, kind, key, path = expected[name]
            texts = value[key]
            is_as_expected = result["to_name"] == original and result["type"] == kind and type(texts) is list
        except (KeyError, TypeError):
            return _sort_closely(results, controls, shown)
        if not is_as_expected or "item_index" in result or "normalization" in result:
            return _sort_closely(results, controls, shown)
        if "meta" in result and not _is_only_lead_time(result["meta"]):
            return _sort_closely(results, controls, shown)
        if path is not None and shown_as_it_is and texts == [same := get_field(shown, path)] and type(same) is str:
            continue
        if not _are_texts(texts):
            return _sort_closely(results, controls, shown)
        if name not in given:
            given[name] = texts
        elif name in joined:
            given[name].extend(texts)
        else:
            given[name] = [*given[name], *texts]
            joined.add(name)
    return _Sorted(given, [])


def _sort_closely(results: list[Any], controls: DeclaredControls, shown: Mapping[str, Any]) -> _Sorted:
    """What `_sort_results` returns, for results of any shape."""
    regions = _regions(results)
    given: dict[str, list[str]] = {}
    remarks = _notes_on_regions(results, controls)
    for number, result in enumerate(results, start=1):
        if not isinstance(result, dict) or not isinstance(name := result.get("from_name"), str):
            if isinstance(result, dict) and result.get("type") == "relation":
                continue
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, f"result {number} names no control (`from_name`)")
        is_about_region = _is_about_region(result, regions)
        expected = _expected_of(name, controls)
        if expected is not None and not is_about_region:
            given.setdefault(name, []).extend(_texts(name, result, expected))
        else:
            remarks += _other_texts(name, result, is_about_region, controls, shown)
    return _Sorted(given, remarks)


def _expected_of(name: str, controls: DeclaredControls) -> ExpectedResult | None:
    try:
        return controls.expected_results[name]
    except KeyError:
        return None


def _texts(name: str, result: dict[str, Any], expected: ExpectedResult) -> list[str]:
    """The texts or choices in a result that should look like this."""
    original, kind, key, _ = expected
    if result.get("to_name") != original:
        detail = f"`{name}` points at `{result.get('to_name')}`, in the config at `{original}`"
        raise RejectedAnnotation(RejectReason.WRONG_SHAPE, detail)
    value = result.get("value")
    texts = value.get(key) if isinstance(value, dict) else None
    if result.get("type") == kind and isinstance(texts, list):
        if _are_texts(texts):
            return texts
        if kind == "choices" and all(isinstance(choice, str) or _is_path(choice) for choice in texts):
            # With `allowNested`, a choice is its path.
            return [choice if isinstance(choice, str) else NESTED.join(choice) for choice in texts]
    raise RejectedAnnotation(RejectReason.WRONG_SHAPE, f"`{name}` holds no list of texts under `{key}`")


def _is_path(choice: Any) -> bool:
    return isinstance(choice, list) and bool(choice) and _are_texts(choice)


def _other_texts(
    name: str, result: dict[str, Any], is_about_region: bool, controls: DeclaredControls, shown: Mapping[str, Any]
) -> Iterator[Remark]:
    """The remarks in a result that corrects, explains and scores nothing."""
    control = controls.text_control(name)
    is_named = control is not None or matches_name(name, controls.remark_names)
    if not is_named and not controls.declares(name):
        if result.get("type") != "relation":
            raise RejectedAnnotation(RejectReason.UNKNOWN_CONTROL, f"`{name}`")
        return
    typed = _typed_texts(name, result, control, _expected_of(name, controls))
    if control is not None and not is_about_region and control.prefill is not None:
        prefilled = editor_text(get_field(shown, control.prefill))
        typed = [text for text in typed if prefilled is None or not same_but_newlines(prefilled, text)]
    step, field = controls.place(result.get("to_name"))
    for text in typed:
        if not is_about_region and not (control.is_remark if control else is_named):
            about = control.about if control else "corrects no field"
            raise RejectedAnnotation(
                RejectReason.UNATTRIBUTED_TEXT,
                f"`{name}` {about}, and a text was typed there (if it is there for remarks, name it in "
                "`remark_controls` in trajedit.yaml, and give that with --options)",
            )
        yield Remark(name, step, field, text)


def _typed_texts(
    name: str, result: dict[str, Any], control: TextControl | None, expected: ExpectedResult | None
) -> list[str]:
    """What somebody typed, as far as it says something. Raises RejectedAnnotation for a result of another shape than
    that of its control."""
    kind = result.get("type")
    if control is not None and control.kind == "textarea" and control.original is not None:
        return said_texts(_texts(name, result, ExpectedResult(control.original, "textarea", "text")))
    if expected is not None and expected.kind == "textarea":
        return said_texts(_texts(name, result, expected))
    value = result.get("value")
    value = value if isinstance(value, dict) else {}
    if kind == "chatmessage":
        message = value.get("chatmessage")
        typed = message.get("content") if isinstance(message, dict) else message
        return said_texts([typed if isinstance(typed, str) else _as_text(typed)])
    if kind == "reactcode":
        return said_texts([_as_text(value.get("reactcode"))])
    texts = value.get("text")
    if kind == "textarea" or isinstance(texts, list):
        if not isinstance(texts, list) or not _are_texts(texts):
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, f"`{name}` holds no list of texts under `text`")
        return said_texts(texts)
    return []


def _as_text(value: Any) -> str:
    """A value in which somebody may have typed as JSON; empty when it holds nothing but numbers and the like."""
    return json_line(value).decode() if _holds_text(value) else ""


def _holds_text(value: Any) -> bool:
    match value:
        case str():
            return bool(value.strip())
        case dict():
            return any(map(_holds_text, value.values()))
        case list():
            return any(map(_holds_text, value))
    return False


def _is_only_lead_time(meta: Any) -> bool:
    return isinstance(meta, dict) and "text" not in meta


def _regions(results: list[Any]) -> set[tuple[str, str]]:
    """The marked regions that the results are about."""
    return {_region(result) for result in results if _marks_region(result)}


def _region(result: dict[str, Any]) -> tuple[str, str]:
    """The id of a region, which all its results share, and the tag that it is in."""
    return str(result.get("id")), str(result.get("to_name"))


def _marks_region(result: Any) -> bool:
    if not isinstance(result, dict) or not isinstance(value := result.get("value"), dict):
        return False
    kind = result.get("type")
    kind = kind if isinstance(kind, str) else ""
    if len(value) == 1 and kind in _ABOUT_THE_WHOLE:
        return result.get("item_index") is not None
    return kind.endswith("labels") or not _PLACES.isdisjoint(value)


def _is_about_region(result: dict[str, Any], regions: set[tuple[str, str]]) -> bool:
    """Whether the result says something about a region: it has a place itself, or the id of a result that does."""
    return (result.get("id") is not None and _region(result) in regions) or _marks_region(result)


def _notes_on_regions(results: list[Any], controls: DeclaredControls) -> list[Remark]:
    """What somebody wrote on regions in the panel of their details: every result of a region has it under `meta`, and
    those of years ago under `normalization`."""
    found: dict[tuple[Any, str], Remark] = {}
    for number, result in enumerate(results):
        if not isinstance(result, dict) or not ("meta" in result or "normalization" in result):
            continue
        meta, name = result.get("meta"), result.get("from_name")
        texts = meta.get("text") if isinstance(meta, dict) else meta
        texts = [*(texts if isinstance(texts, list) else [texts]), result.get("normalization")]
        step, field = controls.place(result.get("to_name"))
        for text in said_texts(text if isinstance(text, str) else _as_text(text) for text in texts):
            region = number if result.get("id") is None else str(result["id"])
            remark = Remark(name if isinstance(name, str) else "", step, field, text)
            found.setdefault((region, text), remark)
    return list(found.values())


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _read_editor(
    editor: Editor, texts: list[str], original: Any, is_json: bool, data: Mapping[str, Any], reason: str
) -> EditedField | None:
    if not texts:
        return None
    original_text = editor_text(original)
    assert original_text is not None
    if isinstance(original, str) and not is_json:
        edited = [(text, text) for text in _changed_texts(original, texts)]
    else:
        edited = _changed_json(original, texts, editor, data)
    if len(edited) > 1:
        raise RejectedAnnotation(RejectReason.SEVERAL_TEXTS, f"`{editor.control}` holds {len(edited)} different texts")
    return EditedField(editor, original_text, *edited[0], reason) if edited else None


def _changed_texts(original: str, texts: list[str]) -> list[str]:
    """Each text that differs from `original` in more than line ends, with the line ends of that."""
    folded = fold_newlines(original)
    changed = {text: same for text in dict.fromkeys(texts) if (same := fold_newlines(text)) != folded}
    if len(different := set(changed.values())) > 1:
        # They stay different whatever line ends they get, and there may be many.
        return list(different)
    return list(dict.fromkeys(restore_newlines(original, text) for text in changed))


def _changed_json(original: Any, texts: list[str], editor: Editor, data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Each text that stands for a JSON value other than `original`, and what the task's data holds for it: the text
    itself where `original` is JSON text there, because `restore_trace` turns it back into the value."""
    is_text = isinstance(original, str)
    unchanged = canonical_json(_parse(original, editor) if is_text else original)
    known = {unchanged}
    changed: list[tuple[str, Any]] = []
    for text in dict.fromkeys(texts):
        value = _parse(text, editor)
        canonical = canonical_json(value)
        if canonical in known:
            continue
        known.add(canonical)
        # A prediction that was imported with the data still has the numbers that PostgreSQL has changed in the data.
        if is_text or canonical_json(as_jsonb(value)) != unchanged or not is_jsonb(data):
            changed.append((text, text if is_text else value))
    return changed


def _parse(text: str, editor: Editor) -> Any:
    try:
        return parse_json(text.encode("utf-8", "backslashreplace"))
    except ValueError as error:
        detail = f"`{editor.control}` corrects `{format_path(editor.path)}`, and its text is not JSON: {error}"
        raise RejectedAnnotation(RejectReason.NOT_JSON, detail) from None
