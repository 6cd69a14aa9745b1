"""Whether the labeling config has editors, and whether Label Studio accepts predictions for its layout."""

from __future__ import annotations

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_config.schema import Schema

__all__ = ["check_editors", "check_layout"]

_TO_UNROLLED = (
    "Set `layout: unrolled` in trajedit.yaml and push the same traces again with --project; annotations are kept."
)


def check_editors(schema: Schema) -> Finding:
    """The fields that the config's editors correct."""
    fields = []
    for field, steps in schema.fields().items():
        if schema.repeated is None and steps:
            fields.append(f"{field} ({'1 step' if steps == 1 else f'{steps} steps'})")
        else:
            fields.append(field)
    return ok(f"the labeling config has editors for {', '.join(fields)}")


def check_layout(schema: Schema, edition: str, validates: bool | None) -> Finding:
    """Whether the layout suits the server. `validates` says whether that validates predictions, None when unknown."""
    if schema.repeated is None:
        return ok("the layout is unrolled, and every Label Studio accepts predictions for that")
    if validates is False:
        return ok("the layout is a repeater, and this server does not validate predictions, so it can be prefilled")
    if validates or edition != "Community":
        return problem(
            "the layout is a repeater, and this server validates predictions: it refuses every one for a repeated "
            "editor, and with a backend connected no task can be opened",
            _TO_UNROLLED,
        )
    return warning(
        "the layout is a repeater: a server that validates predictions refuses every one for a repeated editor. "
        "Whether this server does (feature flag fflag_feat_utc_210_prediction_validation_15082025, off by default in "
        "Community) cannot be read with this token",
        "Run doctor with a personal access token, which can read it; or be safe. " + _TO_UNROLLED,
    )
