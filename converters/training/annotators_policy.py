"""Several annotators on one task: whose records become training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ls_trajedit.converters.annotations.rules import UNKNOWN_ANNOTATOR, time_or_earliest
from ls_trajedit.converters.record import Edit, Record, RecordedTrace, RowKey, edit_sums
from ls_trajedit.converters.traces import ChatTraces, Traces
from ls_trajedit.converters.training.corrected_values import path_in_record, vote
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.verdicts import Verdict, VerdictWords, agreed_verdicts, step_verdicts
from ls_trajedit.traces.field_path import get_field, set_field

__all__ = ["Chosen", "KeyedRecord", "choose_records"]

Place = tuple[int | None, str]
"""Where an edit is: step and field."""

_AGREEING = 2


@dataclass(frozen=True)
class KeyedRecord:
    """A record and the key that says where its rows stand. `disputed` holds the steps about which annotators do not
    agree: one changed it and no other changed it in the same way, or one calls it right and another wrong. `verdicts`
    is what all of them say about a step besides rewriting it; None when the record's own labels say it. `traces` are
    both traces as their reader gave them. `person` tells the annotator from every other, None when nothing is known of
    who it was."""

    key: RowKey
    record: Record
    disputed: frozenset[int] = frozenset()
    traces: Traces | None = None
    verdicts: Mapping[int, Verdict] | None = None
    person: str | None = None

    @property
    def voter(self) -> str | RowKey:
        """Who votes: people of whom nothing is known are not taken for one."""
        if self.person is not None:
            return self.person
        return self.key if self.record.annotator == UNKNOWN_ANNOTATOR else self.record.annotator


@dataclass(frozen=True)
class Chosen:
    """What a policy makes of one task's records, and how many annotations and edits it leaves out."""

    records: list[KeyedRecord] = field(default_factory=list)
    annotations_left_out: int = 0
    edits_left_out: int = 0


def choose_records(records: Sequence[KeyedRecord], rules: TrainingRules) -> Chosen:
    """The records of one task from which training rows are made: `all` of them; the `latest`, by its last change, then
    by its id; or one with the edits on which at least two annotators `agree`."""
    policy = rules.annotators_policy
    if policy == "all" or not records:
        return Chosen(list(records))
    return _latest(records) if policy == "latest" else _agreed(records, rules)


def _latest(records: Sequence[KeyedRecord]) -> Chosen:
    latest = max(records, key=lambda item: (time_or_earliest(item.record.source.updated_at), item.key))
    dropped = [item.record for item in records if item is not latest]
    return Chosen([latest], len(dropped), sum(record.n_edits for record in dropped))


def _agreed(records: Sequence[KeyedRecord], rules: TrainingRules) -> Chosen:
    annotators = {item.voter for item in records}
    n_edits = sum(item.record.n_edits for item in records)
    if len(annotators) < _AGREEING:
        # One annotator alone is not agreement, not even that there is nothing to correct.
        return Chosen([], len(records), n_edits)
    found = [_ballot(item, rules) for item in records]
    votes: dict[Place, dict[str, set[str | RowKey]]] = {}
    for ballot in found:
        for edit, vote_ in ballot.votes:
            votes.setdefault(_place(edit), {}).setdefault(vote_, set()).add(ballot.item.voter)
    won = {place: best for place, cast in votes.items() if (best := _winner(cast)) is not None}
    agreed = [ballot for each in found if (ballot := each.only(won)).votes]
    used = sum(len(ballot.votes) for ballot in agreed)
    steps = len(records[0].record.original_trace.steps)
    changed = {
        steps if edit.step_index is None else edit.step_index
        for ballot in found
        for edit, vote_ in ballot.votes
        if won.get(_place(edit)) != vote_
    }
    votes_on_steps = _votes_on_steps(records, rules.verdict_words, steps)
    verdicts = {step: agreed_verdicts(votes) for step, votes in votes_on_steps.items()}
    # Whoever rewrites a step and whoever only calls it wrong agree that it is wrong.
    disputed = changed - {step for step, verdict in verdicts.items() if verdict == "wrong"}
    disputed |= {step for step, verdict in verdicts.items() if verdict is None}
    joined = KeyedRecord(
        records[0].key,
        _joined(records, agreed),
        frozenset(disputed),
        _joined_traces(records, agreed),
        {step: verdict for step, verdict in verdicts.items() if verdict is not None},
    )
    left_out = len(records) - len(agreed) if agreed else 0
    return Chosen([joined], left_out, n_edits - used)


@dataclass(frozen=True)
class _Ballot:
    """A record's edits, each with what is equal for those who corrected the field alike."""

    item: KeyedRecord
    votes: tuple[tuple[Edit, str], ...]

    def only(self, won: Mapping[Place, str]) -> _Ballot:
        """The edits that won."""
        return _Ballot(self.item, tuple((edit, cast) for edit, cast in self.votes if won.get(_place(edit)) == cast))


def _ballot(item: KeyedRecord, rules: TrainingRules) -> _Ballot:
    record = item.record
    cast = ((edit, vote(edit, record, rules.edge_whitespace)) for edit in record.edits)
    return _Ballot(item, tuple(cast))


def _votes_on_steps(
    records: Sequence[KeyedRecord], words: VerdictWords, final_answer: int
) -> dict[int, dict[str, set[Verdict]]]:
    """What each annotator says of each step that somebody scored: who rewrote it calls it wrong, and who neither
    rewrote nor scored it, right. `final_answer` is the number of the final answer."""
    said = [(item, step_verdicts(item.record.source.step_labels, words, final_answer)) for item in records]
    votes: dict[int, dict[str, set[Verdict]]] = {}
    for step in sorted({step for _, verdicts in said for step in verdicts}):
        votes[step] = {}
        for item, verdicts in said:
            edited = {final_answer if edit.step_index is None else edit.step_index for edit in item.record.edits}
            verdict: Verdict = "wrong" if step in edited else verdicts.get(step, "right")
            votes[step].setdefault(str(item.voter), set()).add(verdict)
    return votes


def _place(edit: Edit) -> Place:
    return edit.step_index, edit.field


def _winner(votes: dict[str, set[str | RowKey]]) -> str | None:
    """The correction with the most votes, if it has at least two and no other one has as many."""
    most = max(len(voters) for voters in votes.values())
    texts = [text for text, voters in votes.items() if len(voters) == most]
    return texts[0] if most >= _AGREEING and len(texts) == 1 else None


def _joined(records: Sequence[KeyedRecord], agreed: Sequence[_Ballot]) -> Record:
    """One record with the agreed edits, each as the first annotator who made it has it. Without any, the trace as it
    was, under the names of all annotators."""
    items = [ballot.item for ballot in agreed] or records
    first = items[0].record
    trace = first.original_trace
    edits: dict[Place, Edit] = {}
    for ballot in agreed:
        for edit, _ in ballot.votes:
            if _place(edit) not in edits:
                edits[_place(edit)] = edit
                trace = _with_edit(trace, ballot.item.record.corrected_trace, edit)
    ordered = tuple(sorted(edits.values(), key=lambda edit: (edit.step_index is None, edit.step_index or 0)))
    return replace(
        first,
        annotator="+".join(sorted({item.voter: item.record.annotator for item in items}.values())),
        corrected_trace=trace,
        edits=ordered,
        **edit_sums(ordered),
    )


def _joined_traces(records: Sequence[KeyedRecord], agreed: Sequence[_Ballot]) -> Traces | None:
    """Both traces of the joined record: in a conversation, the agreed parts as the first annotator has them."""
    joined = (agreed[0].item if agreed else records[0]).traces
    if not isinstance(joined, ChatTraces):
        return joined
    joined = joined.unedited()
    seen: set[Place] = set()
    for ballot in agreed:
        traces = ballot.item.traces
        for edit, _ in ballot.votes:
            if _place(edit) not in seen and isinstance(traces, ChatTraces):
                seen.add(_place(edit))
                joined = joined.with_edit(traces, edit)
    return joined


def _with_edit(trace: RecordedTrace, corrected: RecordedTrace, edit: Edit) -> RecordedTrace:
    """`trace` with what `corrected` has where the edit is."""
    path = path_in_record(edit, trace, edit.step_index)
    return RecordedTrace(set_field(trace.value(), path, get_field(corrected.value(), path)))
