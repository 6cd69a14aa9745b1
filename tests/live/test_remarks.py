"""Comments on marked words, corrections under a HyperText and scores, from Label Studio's editor page to the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.label_config.predict import predict

from .command_line import Person, read_json
from .editor_page import choose, correct, editor, open_task, submit
from .project_api import annotations_of, call

CONFIG = """\
<View>
  <Style>.htx-text, .lsf-htx-richtext {white-space: pre-wrap}</Style>
  <Labels name="err" toName="act"><Label value="slip"/></Labels>
  <Text name="act" value="$steps[0].action"/>
  <TextArea name="fix" toName="act" editable="true" transcription="true" maxSubmissions="1" rows="2"/>
  <Choices name="verdict" toName="act"><Choice value="off"/><Choice value="fine"/></Choices>
  <TextArea name="comment" toName="act" perRegion="true" rows="2"/>
  <HyperText name="ans" value="$final_answer"/>
  <TextArea name="better" toName="ans" editable="true" transcription="true" maxSubmissions="1" rows="2"/>
</View>
"""
DATA = {
    "id": "t1",
    "task": "Find the weather",
    "steps": [{"action": "web_search queyr SF weather"}],
    "final_answer": "<b>Sunny</b>",
}
# Where the word is on the page.
_BOX_OF = """(word) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const at = texts.currentNode.data.indexOf(word)
    if (at < 0 || !texts.currentNode.parentElement.closest('[class*="richtext"]')) continue
    const range = document.createRange()
    range.setStart(texts.currentNode, at)
    range.setEnd(texts.currentNode, at + word.length)
    const box = range.getBoundingClientRect()
    return [box.left + box.width / 2, box.top + box.height / 2]
  }
}"""


def project_with_task(label_studio: LocalLabelStudio) -> tuple[int, int]:
    """A project with this config, and its one task, whose boxes an imported prediction fills."""
    created = call(label_studio, "POST", "/api/projects", json={"title": "Remarks", "label_config": CONFIG})
    prediction = {"model_version": "v1", "result": predict({"data": DATA}, CONFIG)}
    project = created["id"]
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": DATA, "predictions": [prediction]}])
    call(
        label_studio,
        "PATCH",
        f"/api/projects/{project}",
        json={"model_version": "v1", "show_collab_predictions": True},
    )
    (task,) = call(label_studio, "GET", "/api/tasks", params={"project": project})["tasks"]
    return project, task["id"]


def mark(page: Page, word: str, label: str) -> None:
    """Marks the word of a Text with the label, and opens the region that this makes."""
    page.locator("#label-studio-dm").get_by_text(label, exact=True).first.click()
    x, y = page.evaluate(_BOX_OF, word)
    page.mouse.dblclick(x, y)
    page.get_by_role("treeitem").get_by_text(word).click()


def test_a_comment_on_a_marked_word_is_a_remark_and_a_correction_under_a_hypertext_is_an_edit(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    project, task = project_with_task(label_studio)
    found = person.run("doctor", "--project", project, "--json", status=0).json["findings"]
    texts = [finding["text"] for finding in found]
    assert "what is typed into `comment` is kept as a remark, and corrects nothing" in texts

    open_task(page, project, task)
    expect(editor(page, "fix")).to_have_value("web_search queyr SF weather")
    expect(editor(page, "better")).to_have_value("<b>Sunny</b>")
    mark(page, "queyr", "slip")
    comment = page.locator('textarea[name^="comment"]')
    expect(comment).to_be_visible()
    comment.click()
    page.keyboard.type("typo, should be query")
    page.get_by_label("Edit region's meta").click()
    page.keyboard.type("the third one today")
    correct(page, "fix", "SF", "SFO")
    choose(page, 0, "off")
    correct(page, "better", "Sunny", "Rainy")
    submit(page)

    (annotation,) = annotations_of(label_studio, task)
    ids: dict[str, str] = {result["from_name"]: result["id"] for result in annotation["result"]}
    # What is about the region shares an id; what is about all that a tag shows has one of its own.
    assert ids["err"] == ids["comment"]
    assert len({ids["err"], ids["fix"], ids["verdict"], ids["better"]}) == 4

    pulled = person.run("pull", "--project", project, "-o", "data", "--json").json
    assert (pulled["edited"], pulled["rejected"], pulled["remarks"]) == (1, 0, 2)
    (record,) = read_json(tmp_path / "data" / "trajectory_corrections.json")["records"]
    told = ["step_index", "field", "edited_text"]
    edits: list[list[Any]] = [[edit[key] for key in told] for edit in record["edits"]]
    assert edits == [
        [0, "action", "web_search queyr SFO weather"],
        [None, "final_answer", "<b>Rainy</b>"],
    ]
    assert record["source"]["step_labels"] == [{"step_index": 0, "name": "verdict", "choices": ["off"]}]
    remarks = sorted(record["source"]["remarks"], key=lambda remark: str(remark["control"]))
    assert remarks == [
        {"control": "comment", "step_index": 0, "field": "action", "text": "typo, should be query"},
        {"control": "err", "step_index": 0, "field": "action", "text": "the third one today"},
    ]
