"""What annotators say about a step besides rewriting it: that it is right, that it is wrong, or that they are unsure.

They say it with the choices of `step_labels` or of controls of their own. The words are whatever the options or the
labeling config list, so each is taken for one of a few meanings, or for none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ls_trajedit.converters.record import NESTED, StepLabel

__all__ = ["Verdict", "VerdictWords", "agreed_verdicts", "step_verdicts"]

Verdict = Literal["right", "wrong", "unsure", "unknown", "contradictory"]
"""What somebody thinks of a step. `unknown` is a word whose meaning nobody said, and `contradictory` is a step that is
called right and given an error."""

_BETWEEN_WORDS = re.compile(r"[\W_]+")

_RIGHT = frozenset({"correct", "right", "good", "ok", "okay", "yes", "true", "valid", "pass", "passed", "positive"})
_WRONG = frozenset(
    {"incorrect", "wrong", "bad", "no", "false", "invalid", "fail", "failed", "negative", "not correct", "not right"}
)
_UNSURE = frozenset(
    {
        *("unsure", "not sure", "i m not sure", "uncertain", "unclear", "unknown", "undecided", "neutral", "maybe"),
        *("ambiguous", "borderline", "don t know", "dont know", "can t tell", "cannot tell", "n a", "skip"),
        *("partially correct", "partly correct"),
    }
)
# What these say is clear in a control of any name; `yes` or `bad` may answer another question.
_CLEAR: Mapping[str, Verdict] = {"correct": "right", "incorrect": "wrong", "not correct": "wrong", "wrong": "wrong"}
_NO_ERROR = frozenset({"none", "no error", "no errors", "no issue", "no issues", "n a", "ok", "correct"})


@dataclass(frozen=True)
class VerdictWords:
    """The words that the options say the meaning of, besides those that are known. Case makes no difference."""

    right: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()

    @classmethod
    def of(cls, right: Iterable[str], wrong: Iterable[str], unsure: Iterable[str]) -> VerdictWords:
        """The words as somebody wrote them."""
        return cls(*(frozenset(word.strip().casefold() for word in words) for words in (right, wrong, unsure)))

    def meaning(self, control: str, choice: str) -> Verdict | None:
        """What a choice says about its step: None when it says nothing about right and wrong.

        `control` is the name of the label: `correctness` and whatever has `correct` in its name ask whether the step is
        right, and an `error_type` is something that is wrong with it.

        >>> words = VerdictWords.of(["gut"], ["schlecht"], [])
        >>> words.meaning("correctness", "Incorrect"), words.meaning("correctness", "Schlecht")
        ('wrong', 'wrong')
        >>> words.meaning("correctness", "7"), words.meaning("style", "bad"), words.meaning("verdict", "incorrect")
        ('unknown', None, 'wrong')

        A nested choice says what its topmost choices say, where the whole path says nothing.

        >>> words.meaning("verdict", "incorrect / wrong tool"), words.meaning("style", "bad / rude")
        ('wrong', None)
        """
        meaning = self._meaning(control, choice)
        if meaning in (None, "unknown") and NESTED in choice:
            topmost = self.meaning(control, choice.rpartition(NESTED)[0])
            return meaning if topmost is None else topmost
        return meaning

    def _meaning(self, control: str, choice: str) -> Verdict | None:
        said = choice.strip().casefold()
        own: tuple[tuple[frozenset[str], Verdict], ...] = (
            (self.right, "right"),
            (self.wrong, "wrong"),
            (self.unsure, "unsure"),
        )
        for words, verdict in own:
            if said in words:
                return verdict
        plain = _BETWEEN_WORDS.sub(" ", said).strip()
        if "correct" in control.lower():
            return _verdict(plain)
        if control.lower().endswith("error_type"):
            return None if plain in _NO_ERROR else "wrong"
        return _CLEAR.get(plain)


def step_verdicts(labels: Iterable[StepLabel], words: VerdictWords, final_answer: int) -> dict[int, Verdict]:
    """What the labels of one annotation say about each step; `final_answer` is the number of the final answer. Steps
    without a label that says so are missing.

    >>> labels = [StepLabel(0, "correctness", ("incorrect",)), StepLabel(None, "correctness", ("correct",))]
    >>> step_verdicts(labels, VerdictWords(), 3)
    {0: 'wrong', 3: 'right'}
    """
    found: dict[int, set[Verdict]] = {}
    for label in labels:
        for choice in label.choices:
            meaning = words.meaning(label.name, choice)
            if meaning is not None:
                step = final_answer if label.step_index is None else label.step_index
                found.setdefault(step, set()).add(meaning)
    return {step: _joined(verdicts) for step, verdicts in found.items()}


def agreed_verdicts(votes: Mapping[str, set[Verdict]]) -> Verdict | None:
    """What all annotators say about a step, each with what they said of it: None when they do not agree.

    >>> agreed_verdicts({"ann": {"wrong"}, "bob": {"wrong"}}), agreed_verdicts({"ann": {"wrong"}, "bob": {"right"}})
    ('wrong', None)
    """
    said = {_joined(verdicts) for verdicts in votes.values()}
    if len(said) == 1:
        return said.pop()
    return "unsure" if said <= {"unsure", "contradictory"} else None


def _verdict(plain: str) -> Verdict:
    if plain in _RIGHT:
        return "right"
    if plain in _WRONG:
        return "wrong"
    return "unsure" if plain in _UNSURE else "unknown"


def _joined(verdicts: set[Verdict]) -> Verdict:
    """What several labels of one annotator say together."""
    if "contradictory" in verdicts or {"right", "wrong"} <= verdicts:
        return "contradictory"
    order: tuple[Verdict, ...] = ("unsure", "wrong", "unknown", "right")
    return next(verdict for verdict in order if verdict in verdicts)
