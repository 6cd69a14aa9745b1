"""Sources of MLflow: a trace with its spans, in the second and in the third schema."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.sources.recorded_calls import payloads, recorded_calls

__all__ = ["SOURCES"]


@st.composite
def _trace(draw: st.DrawFn) -> Any:
    is_old = draw(st.booleans())
    spans = [_span("root", None, 0, {"mlflow.spanType": '"AGENT"', "mlflow.spanInputs": "{}"}, is_old)]
    for number, call in enumerate(draw(recorded_calls()), start=1):
        prompt, output = payloads(draw, call)
        attributes = {
            "mlflow.traceRequestId": '"tr-1"',
            "mlflow.spanType": draw(st.sampled_from(['"CHAT_MODEL"', '"LLM"'])),
            "mlflow.spanInputs": prompt if isinstance(prompt, str) else json.dumps(prompt),
            "mlflow.spanOutputs": output if isinstance(output, str) else json.dumps(output),
        }
        spans.append(_span(f"s{number}", "root", number, attributes, is_old))
    return {"info": {"trace_id": "tr-1", "state": "OK"}, "data": {"spans": draw(st.permutations(spans))}}


def _span(name: str, parent: str | None, second: int, attributes: dict[str, Any], is_old: bool) -> dict[str, Any]:
    if is_old:
        context = {"trace_id": "0x1", "span_id": name}
        ids: dict[str, Any] = {"context": context, "parent_id": parent, "start_time": second}
    else:
        ids = {"trace_id": "AQ==", "span_id": name, "parent_span_id": parent or "", "start_time_unix_nano": second}
    return {"name": name, **ids, "attributes": attributes, "events": []}


SOURCES = {"mlflow": _trace()}
