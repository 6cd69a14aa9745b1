"""What the labeling config has editors for, what else can be typed, and whether Label Studio accepts predictions for
its layout."""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_studio.release import Release
from ls_trajedit.traces.options import Options

__all__ = ["check_editors", "check_layout", "check_structure", "check_texts"]

_EACH = 10
_USUAL_TASKS = frozenset(Options().task_paths)
_NAME_REMARKS = (
    "If it is there for remarks, write `remark_controls: [{}]` in trajedit.yaml, and give that to doctor and pull with "
    "--options. If it is there to correct a field, let it point at a Text that shows this field and nothing else."
)

_TO_UNROLLED = (
    "Set `layout: unrolled` in trajedit.yaml and push the same traces again with --project; annotations are kept."
)


def check_editors(schema: Schema) -> Finding:
    """The fields that the config's editors correct, and whether steps can be removed or inserted."""
    if not schema.fields() and not schema.structures():
        return problem(
            "the labeling config has no editor: what is typed on its page is kept as remarks, and corrects nothing",
            'Add a <TextArea toName="x"/> for each <Text name="x" value="$steps[0].action"/> that can be corrected.',
        )
    fields = []
    for field, steps in schema.fields().items():
        if schema.repeated is None and steps:
            fields.append(f"{field} ({'1 step' if steps == 1 else f'{steps} steps'})")
        else:
            fields.append(field)
    editors = f"the labeling config has editors for {', '.join(fields) or 'no field'}"
    return ok(f"{editors}, and steps can be removed or inserted" if schema.structures() else editors)


def check_structure(schema: Schema) -> Iterator[Finding]:
    """Choices for an inserted step without a box, and boxes without a choice."""
    for structure in schema.structures()[:_EACH]:
        for slot in structure.slots:
            if not slot.boxes:
                yield problem(
                    f"`{structure.control}` offers `{slot.choice}`, and there is no box for such a step: choosing it "
                    "inserts nothing",
                    "Add its boxes, or remove the choice.",
                )
            elif slot.choice not in structure.choices:
                yield problem(
                    f"`{slot.boxes[0].control}` is for `{slot.choice}`, which `{structure.control}` does not offer: "
                    "`pull` rejects every annotation with a text typed there",
                    "Add the choice, or remove the box.",
                )


def check_texts(schema: Schema) -> Iterator[Finding]:
    """What becomes of the texts that can be typed elsewhere than in an editor of a step."""
    for editor in schema.fixed.editors:
        if editor.step_index is None and editor.path in _USUAL_TASKS:
            yield warning(
                f"the TextArea `{editor.control}` corrects `{editor.field}`, which is read as the final answer",
                _NAME_REMARKS.format(editor.control),
            )
    texts = schema.text_controls()
    kept = [text.control for text in texts if text.is_remark]
    if kept:
        names = ", ".join(f"`{name}`" for name in kept[:_EACH])
        more = f" and {len(kept) - _EACH} more" if len(kept) > _EACH else ""
        yield ok(f"what is typed into {names}{more} is kept as a remark, and corrects nothing")
    unread = [text for text in texts if not text.is_remark]
    for text in unread[:_EACH]:
        yield problem(
            f"`{text.control}` {text.about}: `pull` rejects every annotation with a text typed there",
            _NAME_REMARKS.format(text.control),
        )
    if unread[_EACH:]:
        names = ", ".join(f"`{text.control}`" for text in unread[_EACH:])
        yield problem(
            f"so it does for {names}",
            "Let each point at a Text that shows one field, or name all of them in `remark_controls`; a * stands for "
            "any characters.",
        )


def check_layout(schema: Schema, release: Release | None, validates: bool | None) -> Finding:
    """Whether the layout suits the server, which is a Label Studio of this `release`, None when unknown. `validates`
    says whether it validates predictions, None when unknown."""
    if schema.repeated is None:
        seen = {True: "this one validates them", False: "this one does not validate them", None: "validated or not"}
        return ok(f"the layout is unrolled, and every Label Studio accepts predictions for that ({seen[validates]})")
    if validates is False:
        return ok("the layout is a repeater, and this server does not validate predictions, so it can be prefilled")
    is_other_edition = release is not None and release.edition is not None and not release.is_community
    if validates or is_other_edition:
        does = "validates" if validates else f"({release.edition if release else ''}) most likely validates"
        return problem(
            f"the layout is a repeater, and this server {does} predictions: it refuses every one for a repeated "
            "editor, and with a backend connected no task can be opened",
            _TO_UNROLLED,
        )
    return warning(
        "the layout is a repeater: a server that validates predictions refuses every one for a repeated editor. "
        "Whether this server does (feature flag fflag_feat_utc_210_prediction_validation_15082025, off by default in "
        "Community) cannot be read with this token",
        "Run doctor with a personal access token, which can read it; or be safe. " + _TO_UNROLLED,
    )
