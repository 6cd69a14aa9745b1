"""The labeling configs on the pages are read as the pages say."""

from __future__ import annotations

from ls_trajedit.label_config.read_config import read_config

from .pages import blocks


def shown_config(page: str) -> str:
    """The labeling config on the page; if it has no View, one is put around it."""
    (block,) = [block for block in blocks("xml") if block.page == page]
    return block.text if "<View>" in block.text else f"<View>{block.text}</View>"


def test_the_config_in_the_readme_corrects_the_action_of_the_first_step() -> None:
    (editor,) = read_config(shown_config("README.md")).fixed.editors
    assert (editor.step_index, editor.field) == (0, "action")


def test_the_hand_written_config_is_read_as_the_page_says() -> None:
    schema = read_config(shown_config("docs/reading-rules.md"))
    editors = [(editor.control, editor.step_index, editor.field) for editor in schema.fixed.editors]
    assert editors == [("fix_1", 0, "content"), ("fix_2", 1, "content"), ("better", None, "answer")]
    assert schema.steps_path == ("turns",)
    assert schema.task_paths[0] == ("goal",)
    assert schema.final_answer_path == ("answer",)
    assert schema.id_path == ("id",)
