"""What `doctor` makes of what it sees: level, what is named, and what to do. No server is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ls_trajedit.doctor.access import check_release, check_token, explain_refused_token, token_form
from ls_trajedit.doctor.backend import check_backend
from ls_trajedit.doctor.config import check_editors, check_layout
from ls_trajedit.doctor.finding import Finding
from ls_trajedit.doctor.prefill import Prefill, check_prefill
from ls_trajedit.doctor.probe_backend import Outcome, Probe
from ls_trajedit.doctor.tasks import TaskCensus, check_tasks
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_studio.client import Backend, Project, User
from ls_trajedit.label_studio.release import Release
from ls_trajedit.traces.errors import RefusedError

LEGACY = "0123456789abcdef0123456789abcdef01234567"


def editor(index: int, field: str = "action") -> str:
    name = f"{field}{index}"
    return f'<Text name="{name}" value="$steps[{index}].{field}"/><TextArea name="{name}_new" toName="{name}"/>'


UNROLLED = f"<View>{editor(0)}{editor(1)}</View>"
REPEATER = (
    '<View><Repeater on="$steps" indexFlag="{{idx}}"><Text name="a{{idx}}" value="$steps[{{idx}}].action"/>'
    '<TextArea name="b{{idx}}" toName="a{{idx}}"/></Repeater></View>'
)


def jwt(claims: dict[str, Any], *, signature: str = ".c2lnbmF0dXJl") -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256'})}.{part(claims)}{signature}"


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


class TestAccess:
    @pytest.mark.parametrize(
        ("token", "form"),
        [
            (LEGACY, "legacy"),
            (jwt({"token_type": "refresh", "exp": 8102554233}), "personal"),
            (jwt({"token_type": "access", "exp": 8102554233}), "access"),
            (jwt({"token_type": "refresh"}, signature=""), "shortened"),
            (jwt({"token_type": "refresh"}, signature="."), "shortened"),
            (LEGACY[:-1], "unknown"),
            ("", "unknown"),
            ("a.b.c", "unknown"),
            ("a.bm8.c", "unknown"),
            ("www.example.com", "unknown"),
        ],
    )
    def test_the_kind_of_token_is_told_by_its_form(self, token: str, form: str) -> None:
        assert token_form(token) == form

    def test_a_taken_token_is_named_by_kind_and_owner_and_never_shown(self) -> None:
        for token, name in ((LEGACY, "a legacy token"), (jwt({"token_type": "refresh"}), "a personal access token")):
            [finding] = check_token(token, User(7, "ana@example.com", None))
            assert finding == Finding("ok", f"the token is taken: {name} of ana@example.com")

    @pytest.mark.parametrize("role", [None, "OW", "AD", "MA"])
    def test_whoever_sees_all_annotations_gets_no_warning(self, role: str | None) -> None:
        assert levels(list(check_token(LEGACY, User(7, "ana@example.com", role)))) == ["ok"]

    @pytest.mark.parametrize(("role", "name"), [("AN", "an annotator"), ("RE", "a reviewer")])
    def test_whoever_sees_a_part_of_the_annotations_is_warned(self, role: str, name: str) -> None:
        _, finding = check_token(LEGACY, User(7, "ana@example.com", role))
        assert finding.level == "warning"
        assert f"the token of {name}" in finding.text
        assert "`pull` would miss the rest" in finding.text
        assert finding.advice is not None
        assert "owner" in finding.advice

    @pytest.mark.parametrize(
        ("token", "advice"),
        [
            (LEGACY, None),
            (jwt({"token_type": "refresh"}), None),
            (jwt({"token_type": "access"}), "personal access token that it was made of"),
            (jwt({"token_type": "refresh"}, signature=""), "without its last part"),
            ("secret", "40 digits"),
        ],
    )
    def test_a_refused_token_is_a_problem_that_says_what_is_odd_about_it(self, token: str, advice: str | None) -> None:
        finding = explain_refused_token(token, RefusedError("not taken"))
        assert (finding.level, finding.text) == ("problem", "not taken")
        assert (finding.advice is None) == (advice is None)
        assert (advice or "") in (finding.advice or "")
        assert token not in f"{finding}"

    def test_the_release_is_named(self) -> None:
        url = "http://localhost:8080"
        [finding] = check_release(f"{url}/", Release("1.23.2", "Community", url))
        assert finding == Finding("ok", f"Label Studio 1.23.2 (Community) answers at {url}")

    def test_a_redirect_is_warned_of_with_the_address_to_give(self) -> None:
        _, finding = check_release("http://ls.example.com", Release("1.23.2", "Community", "https://ls.example.com"))
        assert finding.level == "warning"
        assert finding.advice is not None
        assert "--url https://ls.example.com" in finding.advice


class TestConfig:
    def test_the_corrected_fields_are_listed_with_the_number_of_steps(self) -> None:
        answer = '<Text name="f" value="$final_answer"/><TextArea name="f_new" toName="f"/>'
        config = f"<View>{editor(0)}{editor(1)}{editor(1, 'thought')}{answer}</View>"
        text = "the labeling config has editors for action (2 steps), thought (1 step), final_answer"
        assert check_editors(read_config(config)) == Finding("ok", text)

    def test_a_repeaters_fields_are_listed_without_a_number(self) -> None:
        assert check_editors(read_config(REPEATER)).text == "the labeling config has editors for action"

    @pytest.mark.parametrize("validates", [True, False, None])
    @pytest.mark.parametrize("edition", ["Community", "Enterprise", "unknown"])
    def test_the_unrolled_layout_is_right_everywhere(self, edition: str, validates: bool | None) -> None:
        assert check_layout(read_config(UNROLLED), edition, validates).level == "ok"

    @pytest.mark.parametrize(
        ("edition", "validates", "level"),
        [
            ("Community", False, "ok"),
            ("Community", True, "problem"),
            ("Community", None, "warning"),
            ("Enterprise", None, "problem"),
            ("Enterprise", True, "problem"),
            ("Enterprise", False, "ok"),
            ("unknown", None, "problem"),
        ],
    )
    def test_a_repeater_is_right_only_where_predictions_are_not_validated(
        self, edition: str, validates: bool | None, level: str
    ) -> None:
        finding = check_layout(read_config(REPEATER), edition, validates)
        assert finding.level == level
        assert level == "ok" or (finding.advice is not None and "`layout: unrolled`" in finding.advice)


class TestTasks:
    def census(self, *data: dict[str, Any], config: str = UNROLLED) -> TaskCensus:
        census = TaskCensus(read_config(config))
        for number, task in enumerate(data, start=1):
            census.add(number, task)
        return census

    def steps(self, count: int, field: str = "action") -> dict[str, Any]:
        return {"steps": [{field: "look"} for _ in range(count)]}

    def test_tasks_that_the_editors_reach_are_right(self) -> None:
        [finding] = check_tasks(self.census(self.steps(1), self.steps(2)), 12)
        assert finding == Finding("ok", "the editors reach every step of all 2 tasks")

    def test_a_project_without_tasks_is_told_how_to_get_some(self) -> None:
        [finding] = check_tasks(self.census(), 12)
        assert (finding.level, finding.text) == ("warning", "the project has no tasks")
        assert finding.advice is not None
        assert "ls-trajedit push FILE --project 12" in finding.advice

    def test_tasks_longer_than_the_config_are_counted_and_five_of_them_named(self) -> None:
        [finding] = check_tasks(self.census(self.steps(2), *[self.steps(3)] * 6, self.steps(9)), 12)
        assert finding.level == "problem"
        assert "7 of 8 tasks have more steps" in finding.text
        assert "(9 against 2)" in finding.text
        assert finding.text.endswith("tasks 2, 3, 4, 5, 6 and 2 more")
        assert finding.advice is not None
        assert "--project 12" in finding.advice

    def test_a_repeater_is_long_enough_for_any_task(self) -> None:
        assert levels(list(check_tasks(self.census(self.steps(50), config=REPEATER), 12))) == ["ok"]

    @pytest.mark.parametrize("data", [{}, {"steps": "none"}, {"steps": None}, {"turns": [{"action": "look"}]}])
    def test_a_task_without_a_list_of_steps_is_named(self, data: dict[str, Any]) -> None:
        [finding] = check_tasks(self.census(self.steps(1), data), 12)
        assert finding.level == "problem"
        assert "1 of 2 tasks have no list `steps`" in finding.text
        assert "(task 2)" in finding.text

    @pytest.mark.parametrize("data", [{"steps": [{"thought": "hm"}]}, {"steps": [{"action": None}]}, {"steps": []}])
    def test_a_task_without_any_corrected_field_is_named(self, data: dict[str, Any]) -> None:
        [finding] = check_tasks(self.census(data, self.steps(1)), 12)
        assert finding.level == "problem"
        assert "1 of 2 tasks have nothing that an editor corrects (action): task 1" in finding.text

    def test_an_empty_text_can_be_corrected(self) -> None:
        assert levels(list(check_tasks(self.census({"steps": [{"action": ""}]}), 12))) == ["ok"]

    def test_each_kind_of_problem_is_told_on_its_own(self) -> None:
        assert levels(list(check_tasks(self.census({}, {"steps": []}, self.steps(3)), 12))) == ["problem"] * 3


class TestBackend:
    URL = "http://127.0.0.1:9090"

    def findings(
        self,
        state: str,
        outcome: Outcome,
        *,
        auth: str = "NONE",
        sent: bool = False,
        url: str = URL,
        error: str = "",
    ) -> list[Finding]:
        backend = Backend(
            id=1,
            title="ls-trajedit",
            url=url,
            state=state,
            is_interactive=False,
            auth_method=auth,
            model_version="ls-trajedit",
            error_message=error,
        )
        return list(check_backend(backend, Probe(outcome, "<as seen>"), sent))

    @pytest.mark.parametrize("state", ["CO", "TR", "PR"])
    def test_reached_by_both_is_right(self, state: str) -> None:
        assert levels(self.findings(state, "up")) == ["ok"]

    @pytest.mark.parametrize("outcome", ["refused", "silent", "no host", "unreachable", "failing", "not a backend"])
    def test_reached_by_label_studio_alone_is_a_warning_that_says_when_it_is_meant_so(self, outcome: Outcome) -> None:
        [finding] = self.findings("CO", outcome)
        assert finding.level == "warning"
        assert "tried from this machine (the server may see it otherwise), it <as seen>" in finding.text
        assert finding.advice == "Where only the server can reach that address, this is as it should be."

    def test_a_password_that_only_label_studio_has_is_right(self) -> None:
        [finding] = self.findings("CO", "unauthorized", auth="BASIC_AUTH")
        assert finding.level == "ok"
        assert "BASIC_AUTH_USER and BASIC_AUTH_PASS" in finding.text

    def test_another_password_here_than_in_label_studio_is_a_warning(self) -> None:
        [finding] = self.findings("CO", "unauthorized", auth="BASIC_AUTH", sent=True)
        assert finding.level == "warning"
        assert finding.advice is not None
        assert "here are others" in finding.advice

    @pytest.mark.parametrize(
        ("outcome", "advice"),
        [
            ("refused", "Start it (`ls-trajedit serve --port 9090`)"),
            ("silent", "Label Studio gives it 1 s"),
            ("no host", "Settings > Model"),
            ("unreachable", "http or https"),
            ("failing", "the backend's log"),
            ("not a backend", "Something else listens there"),
            ("unauthorized", "Label Studio sends none"),
            ("up", "in a container `localhost` is the container itself"),
        ],
    )
    def test_not_reached_is_a_problem_and_what_this_machine_sees_tells_what_to_do(
        self, outcome: Outcome, advice: str
    ) -> None:
        [finding] = self.findings("DI", outcome)
        assert finding.level == "problem"
        assert f"Label Studio does not reach the backend {self.URL}" in finding.text
        assert "it <as seen>" in finding.text
        assert finding.advice is not None
        assert advice in finding.advice

    @pytest.mark.parametrize(
        ("sent", "outcome", "advice"),
        [
            (False, "unauthorized", "does not take those that Label Studio has"),
            (True, "unauthorized", "Nor does it take Label Studio's"),
            (True, "up", "It takes BASIC_AUTH_USER and BASIC_AUTH_PASS as they are set here"),
        ],
    )
    def test_a_wrong_password_is_told_apart_by_the_one_here(self, sent: bool, outcome: Outcome, advice: str) -> None:
        [finding] = self.findings("DI", outcome, auth="BASIC_AUTH", sent=sent)
        assert finding.advice is not None
        assert advice in finding.advice

    @pytest.mark.parametrize(
        ("url", "is_private"),
        [
            (URL, True),
            ("http://192.168.1.5:9090", True),
            ("http://backend:9090", True),
            ("http://[::1]:9090", True),
            ("https://backend.example.com", False),
            ("http://8.8.8.8", False),
        ],
    )
    def test_the_settings_for_private_addresses_are_named_where_the_address_is_private(
        self, url: str, is_private: bool
    ) -> None:
        [finding] = self.findings("DI", "up", url=url)
        assert finding.advice is not None
        assert ("SSRF_PROTECTION_ENABLED=false" in finding.advice) == is_private

    def test_a_refused_setup_tells_the_backends_reason(self) -> None:
        error = f"400 Client Error: no TextArea corrects a field for url: {self.URL}/setup"
        [finding] = self.findings("ER", "up", error=error)
        assert finding.level == "problem"
        assert finding.text == (f"the backend {self.URL} is up and refuses the project: no TextArea corrects a field")

    def test_a_password_inside_the_address_is_not_shown(self) -> None:
        for state in ("CO", "DI", "ER"):
            for outcome in ("up", "refused", "unauthorized"):
                assert "secret" not in f"{self.findings(state, outcome, url='http://ana:secret@backend:9090')}"


class TestPrefill:
    def findings(
        self,
        *,
        chosen: str = "",
        shows: bool = True,
        backends: tuple[str, ...] = (),
        versions: Mapping[str, int] = {},
        lacking: int = 0,
        tasks: int = 10,
    ) -> list[Finding]:
        project = Project(12, "Traces", UNROLLED, tasks, chosen, shows)
        return list(check_prefill(Prefill(project, backends, versions, lacking, "ls-trajedit-now")))

    def test_imported_predictions_for_every_task_are_right(self) -> None:
        assert levels(self.findings(chosen="ls-trajedit-now", versions={"ls-trajedit-now": 10})) == ["ok"]

    def test_a_chosen_backend_is_right_even_when_tasks_have_no_prediction_yet(self) -> None:
        assert levels(self.findings(chosen="ours", backends=("ours",))) == ["ok"]

    def test_nothing_to_prefill_with_is_a_warning_that_says_what_to_push(self) -> None:
        [finding] = self.findings()
        assert finding.level == "warning"
        assert finding.advice is not None
        assert "ls-trajedit push FILE --project 12" in finding.advice

    def test_a_project_without_tasks_has_nothing_to_prefill(self) -> None:
        assert self.findings(tasks=0) == []

    @pytest.mark.parametrize(
        ("shows", "chosen", "words"),
        [
            (False, "", "pre-annotations are switched off in the project"),
            (False, "v1", "pre-annotations are switched off in the project"),
            (True, "", "no predictions are chosen in the project"),
        ],
    )
    def test_switched_off_is_a_problem_and_the_most_frequent_predictions_are_the_ones_to_choose(
        self, shows: bool, chosen: str, words: str
    ) -> None:
        [finding] = self.findings(shows=shows, chosen=chosen, versions={"v1": 2, "v2": 10})
        assert finding.level == "problem"
        assert finding.text.startswith(words)
        assert "Label All Tasks" in finding.text
        assert finding.advice is not None
        assert finding.advice.endswith("choose `v2`.")

    def test_a_backend_comes_before_stored_predictions_as_the_one_to_choose(self) -> None:
        [finding] = self.findings(shows=False, backends=("ours",), versions={"v1": 10})
        assert finding.advice is not None
        assert finding.advice.endswith("choose `ours`.")

    def test_chosen_predictions_that_are_gone_are_a_problem(self) -> None:
        [finding] = self.findings(chosen="v1", versions={"v2": 10}, lacking=10)
        assert finding.level == "problem"
        assert "of `v1`, and there are none" in finding.text

    def test_tasks_without_the_chosen_prediction_are_counted(self) -> None:
        [finding] = self.findings(chosen="v1", versions={"v1": 7}, lacking=3)
        assert finding.level == "warning"
        assert finding.text.startswith("3 of 10 tasks have no prediction `v1`")

    def test_predictions_made_for_other_fields_are_a_warning(self) -> None:
        [finding] = self.findings(chosen="ls-trajedit-old", versions={"ls-trajedit-old": 10})
        assert finding.level == "warning"
        assert "other fields" in finding.text

    def test_predictions_of_another_hand_are_taken_as_they_are(self) -> None:
        assert levels(self.findings(chosen="gpt", versions={"gpt": 10})) == ["ok"]

    @pytest.mark.parametrize("lacking", [0, 3])
    def test_a_backend_that_is_not_chosen_is_a_warning(self, lacking: int) -> None:
        [finding] = self.findings(chosen="v1", versions={"v1": 10}, backends=("ours",), lacking=lacking)
        assert finding.level == "warning"
        assert finding.advice is not None
        assert finding.advice.endswith("choose `ours`.")
