"""A project in which two people work, one action after another, chosen at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user

from .databases import Database
from .project_api import annotate, call, tasks, text_result

__all__ = ["CONFIG", "LivingProject", "trace"]

CONFIG = """\
<View>
  <Text name="task" value="$task"/>
  <Text name="trace_id" value="$id"/>
  <Text name="step_0__action" value="$steps[0].action"/>
  <TextArea name="step_0__action__corrected" toName="step_0__action"/>
  <Text name="step_1__action" value="$steps[1].action"/>
  <TextArea name="step_1__action__corrected" toName="step_1__action"/>
</View>
"""
_PASSWORD = "a-password-for-this-test"


def trace(number: int, text: str = "serach()") -> dict[str, Any]:
    """The data of a task; every third one has a single step."""
    steps = [{"action": text}, {"action": f"open({number})"}]
    return {"id": f"trace-{number}", "task": f"Task {number}", "steps": steps[: 1 if number % 3 == 0 else 2]}


class LivingProject:
    """A new project with `size` tasks. `done` tells what happened, for messages."""

    def __init__(self, label_studio: LocalLabelStudio, database: Database, random: Random, size: int) -> None:
        self._label_studio = label_studio
        self._database = database
        self._random = random
        self._made = 0
        body = {"title": "Living", "label_config": CONFIG}
        self.number: int = self.call("POST", "/api/projects", json=body)["id"]
        self._tokens = [
            label_studio.token,
            add_user(label_studio, f"second-of-{self.number}@example.com", _PASSWORD),
        ]
        self.tasks: list[int] = []
        self.annotations: dict[int, int] = {}
        self.done: list[str] = []
        self._duplicates: list[tuple[int, int]] = []
        if size:
            self.import_tasks(size)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """What Label Studio answers to one of the two people."""
        return call(self._label_studio, method, path, **options)

    def age(self) -> None:
        """Lets an hour pass in which nothing happens."""
        self._database.age_tasks(self.number)

    def act(self) -> None:
        """Does one thing at random."""
        actions: list[tuple[Callable[[], object], int]] = [
            (self.make_task, 2),
            (lambda: self.import_tasks(self._random.randint(1, 4)), 2),
            (lambda: self.annotate(self._random.choice(self.tasks)), 8),
            (self.skip_task, 2),
            (self.edit_annotation, 6),
            (lambda: self.set_skipped(True), 2),
            (lambda: self.set_skipped(False), 2),
            (self.set_ground_truth, 1),
            (self.delete_annotation, 3),
            (self.edit_data, 2),
            (self.make_draft, 2),
            (self.delete_task, 2),
            (self.delete_tasks, 1),
            (self.delete_annotations_of_tasks, 1),
            (self.make_duplicate, 1),
            (self.merge_duplicates, 2),
            (self.rename, 1),
        ]
        possible = [(action, weight) for action, weight in actions if self.tasks or action is self.make_task]
        self._random.choices([action for action, _ in possible], [weight for _, weight in possible])[0]()

    def make_task(self) -> int:
        made = self.call("POST", "/api/tasks", json={"project": self.number, "data": self._new_data()})["id"]
        assert isinstance(made, int)
        self.tasks.append(made)
        self._did("made", made)
        return made

    def import_tasks(self, count: int) -> None:
        """Imports tasks, some of them with an annotation."""
        with_annotation = [{"annotations": [{"result": self._result()}]}, {}, {}]
        body = [{"data": self._new_data(), **self._random.choice(with_annotation)} for _ in range(count)]
        answer = self.call("POST", f"/api/projects/{self.number}/import?return_task_ids=true", json=body)
        self.tasks.extend(answer["task_ids"])
        for task, imported in zip(answer["task_ids"], body, strict=True):
            if "annotations" in imported:
                (annotation,) = self.call("GET", f"/api/tasks/{task}/annotations")
                self.annotations[annotation["id"]] = task
        self._did("imported", *answer["task_ids"])

    def annotate(self, task: int, **fields: Any) -> int:
        saved = annotate(self._label_studio, task, self._result(), token=self._random.choice(self._tokens), **fields)
        number = saved["id"]
        assert isinstance(number, int)
        self.annotations[number] = task
        self._did("annotated", task)
        return number

    def skip_task(self) -> None:
        self.annotate(self._random.choice(self.tasks), was_cancelled=True)

    def edit_annotation(self) -> None:
        self._change_annotation("edited", result=self._result())

    def set_skipped(self, is_skipped: bool) -> None:
        self._change_annotation("skipped" if is_skipped else "took up again", was_cancelled=is_skipped)

    def set_ground_truth(self) -> None:
        self._change_annotation("ground truth", ground_truth=True)

    def delete_annotation(self) -> None:
        if self.annotations:
            number = self._random.choice(list(self.annotations))
            self.call("DELETE", f"/api/annotations/{number}")
            del self.annotations[number]
            self._did("deleted annotation", number)

    def edit_data(self) -> None:
        task = self._random.choice(self.tasks)
        self.call("PATCH", f"/api/tasks/{task}", json={"data": self._new_data()})
        self._did("other data in", task)

    def make_draft(self) -> None:
        task = self._random.choice(self.tasks)
        body = {"result": self._result(), "lead_time": 1}
        self.call("POST", f"/api/tasks/{task}/drafts", token=self._random.choice(self._tokens), json=body)
        self._did("draft in", task)

    def delete_task(self) -> None:
        task = self._random.choice(self.tasks)
        self.call("DELETE", f"/api/tasks/{task}")
        self._forget_tasks(task)
        self._did("deleted", task)

    def delete_tasks(self) -> None:
        chosen = self._some_tasks()
        self._act_on_tasks("delete_tasks", chosen)
        self._forget_tasks(*chosen)

    def delete_annotations_of_tasks(self) -> None:
        chosen = self._some_tasks()
        self._act_on_tasks("delete_tasks_annotations", chosen)
        self.annotations = {number: task for number, task in self.annotations.items() if task not in chosen}

    def make_duplicate(self) -> None:
        """Imports a task once more, and annotates both."""
        original = self._random.choice(self.tasks)
        data = self.call("GET", f"/api/tasks/{original}")["data"]
        copy = self.call("POST", "/api/tasks", json={"project": self.number, "data": data})["id"]
        self.tasks.append(copy)
        self._did("made", copy)
        self.annotate(original)
        self.annotate(copy)
        self._duplicates.append((original, copy))

    def merge_duplicates(self) -> None:
        """Has Label Studio merge two tasks that are the same: it moves annotations to one and deletes the other."""
        for pair in self._duplicates:
            self._act_on_tasks("remove_duplicates", list(pair))
        self._duplicates.clear()
        self._look()

    def _look(self) -> None:
        """Finds out what there is."""
        found = tasks(self._label_studio, self.number)
        self.tasks = [task["id"] for task in found]
        self.annotations = {annotation["id"]: task["id"] for task in found for annotation in task["annotations"]}

    def configure(self, config: str) -> None:
        """Gives the project another labeling config."""
        self.call("PATCH", f"/api/projects/{self.number}", json={"label_config": config})

    def rename(self) -> None:
        self.call("PATCH", f"/api/projects/{self.number}", json={"title": f"Living {self._random.random()}"})
        self._did("renamed")

    def _change_annotation(self, told: str, **fields: Any) -> None:
        if self.annotations:
            number = self._random.choice(list(self.annotations))
            self.call("PATCH", f"/api/annotations/{number}", token=self._random.choice(self._tokens), json=fields)
            self._did(told, number)

    def _act_on_tasks(self, action: str, chosen: list[int]) -> None:
        selected = {"selectedItems": {"all": False, "included": chosen}}
        self.call("POST", f"/api/dm/actions?id={action}&project={self.number}", json=selected)
        self._did(action, *chosen)

    def _some_tasks(self) -> list[int]:
        return self._random.sample(self.tasks, min(len(self.tasks), self._random.randint(1, 3)))

    def _forget_tasks(self, *gone: int) -> None:
        self.tasks = [task for task in self.tasks if task not in gone]
        self.annotations = {number: task for number, task in self.annotations.items() if task not in gone}

    def _new_data(self) -> dict[str, Any]:
        self._made += 1
        return trace(self._made)

    def _result(self) -> list[dict[str, Any]]:
        """A correction, nothing corrected, nothing at all, or one that is rejected where the task has one step."""
        first = ("step_0__action__corrected", "step_0__action")
        second = ("step_1__action__corrected", "step_1__action")
        other = f"search({self._random.randint(1, 9)}) — größer\r\n"
        return self._random.choice(
            [
                [text_result(*first, other)],
                [text_result(*first, "serach()")],
                [],
                [text_result(*first, other), text_result(*second, other)],
            ]
        )

    def _did(self, what: str, *ids: int) -> None:
        self.done.append(" ".join([what, *map(str, ids)]))
