"""Sources of Langfuse: a trace with its observations, out of order as they may be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.recorded_calls import payloads, recorded_calls

__all__ = ["SOURCES"]


@st.composite
def _trace(draw: st.DrawFn) -> Any:
    observations = [_observation("root", "AGENT", None, 0, None, None)]
    for number, call in enumerate(draw(recorded_calls()), start=1):
        prompt, output = payloads(draw, call)
        observations.append(_observation(f"g{number}", "GENERATION", "root", number, prompt, output))
        if draw(st.booleans()):
            observations.append(_observation(f"t{number}", "TOOL", "root", number, {"q": "x"}, "found"))
    observations = draw(st.permutations(observations))
    return draw(
        st.sampled_from(
            [
                {"trace": {"id": "t1", "input": [{"role": "user", "content": "x"}]}, "observations": observations},
                {"id": "t1", "name": "run", "observations": observations},
                observations,
            ]
        )
    )


def _observation(name: str, kind: str, parent: str | None, second: int, given: Any, output: Any) -> dict[str, Any]:
    return {
        "id": name,
        "traceId": "t1",
        "type": kind,
        "parentObservationId": parent,
        "startTime": f"2026-01-01T00:00:0{second}.5Z",
        "name": name,
        "input": given,
        "output": output,
    }


SOURCES = {"langfuse": _trace()}
