"""What a pull that finds nothing new loads."""

from __future__ import annotations

from .puller import Puller

REPORT = """
import atexit, sys
atexit.register(lambda: print("loaded", *sys.modules, file=sys.stderr))
"""


def test_a_pull_that_finds_nothing_new_loads_nothing_that_converts(puller: Puller) -> None:
    puller.pull_some_corrected(3)
    puller.label_studio.pass_time()
    ran = puller.end(puller.start_with(REPORT))
    assert ran.exit_code == 0, ran.err
    assert "0 new, 0 changed, 0 removed" in ran.out or "up to date" in ran.out
    loaded = set(ran.err.splitlines()[-1].split())
    assert "ls_trajedit.pull.run" in loaded
    slow = {"pydantic", "yaml", "rapidfuzz", "jinja2", "jsonschema", "pandas", "typer", "fsspec", "requests", "asyncio"}
    assert loaded & slow == set()
    # Of the SDK only the errors that it raises.
    assert {name for name in loaded if name.startswith("label_studio_sdk.")} <= {
        "label_studio_sdk.core",
        "label_studio_sdk.core.api_error",
        "label_studio_sdk.core.parse_error",
    }
    ours = {name.removeprefix("ls_trajedit.") for name in loaded if name.startswith("ls_trajedit.")}
    assert ours & {"traces.readers", "traces.model", "converters.chunk", "converters.annotations.convert_task"} == set()
    assert {name for name in ours if name.startswith("converters.formats.")} == {
        "converters.formats.base",
        "converters.formats.interchange",
    }
