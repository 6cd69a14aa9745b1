"""Several annotators on one task: whose records become training rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ls_trajedit.converters.annotations.rules import UNKNOWN_ANNOTATOR, time_or_earliest
from ls_trajedit.converters.record import (
    Edit,
    Insertion,
    Record,
    RecordedTrace,
    Removal,
    RowKey,
    StructureChange,
    edit_sums,
)
from ls_trajedit.converters.structure import corrected_position, restructured_trace
from ls_trajedit.converters.traces import ChatTraces, Traces, recorded_chat
from ls_trajedit.converters.training.corrected_values import Place, path_in_record, place_of, vote
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.verdicts import Verdict, VerdictWords, agreed_verdicts, step_verdicts
from ls_trajedit.traces.field_path import get_field, set_field

__all__ = ["Chosen", "KeyedRecord", "choose_records"]

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
    """What a policy makes of one task's records, and how many annotations and edits it leaves out. Removed and inserted
    steps are counted among the edits."""

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
    if len(annotators) < _AGREEING:
        # One annotator alone is not agreement, not even that there is nothing to correct.
        return Chosen([], len(records), sum(item.record.n_edits for item in records))
    found = [_ballot(item, rules) for item in records]
    votes: dict[Place, dict[str, set[str | RowKey]]] = {}
    for ballot in found:
        for change, vote_ in ballot.votes:
            votes.setdefault(place_of(change), {}).setdefault(vote_, set()).add(ballot.item.voter)
    steps = len(records[0].record.original_trace.steps)
    won = _with_a_step_left(_without_others_before(_won(votes), found), steps)
    agreed = [ballot for each in found if (ballot := each.only(won)).votes]
    used = sum(len(ballot.votes) for ballot in agreed)
    changed = {
        _disputed_step(change, ballot.item.record)
        for ballot in found
        for change, vote_ in ballot.votes
        if won.get(place_of(change)) != vote_
    }
    votes_on_steps = _votes_on_steps(records, rules.verdict_words, steps)
    verdicts = {step: agreed_verdicts(votes) for step, votes in votes_on_steps.items()}
    # Whoever rewrites a step and whoever only calls it wrong agree that it is wrong.
    disputed = changed - {step for step, verdict in verdicts.items() if verdict == "wrong"}
    disputed |= {step for step, verdict in verdicts.items() if verdict is None}
    traces = _joined_traces(records, agreed)
    joined = KeyedRecord(
        records[0].key,
        _joined(records, agreed, traces),
        frozenset(disputed),
        traces,
        {step: verdict for step, verdict in verdicts.items() if verdict is not None},
    )
    left_out = len(records) - len(agreed) if agreed else 0
    return Chosen([joined], left_out, sum(len(ballot.votes) for ballot in found) - used)


@dataclass(frozen=True)
class _Ballot:
    """A record's changes, each with what is equal for those who made it alike. Edits of a step that the annotator
    removed are none: they wanted it gone."""

    item: KeyedRecord
    votes: tuple[tuple[Edit | StructureChange, str], ...]

    def only(self, won: Mapping[Place, str]) -> _Ballot:
        """The changes that won."""
        votes = ((change, cast) for change, cast in self.votes if won.get(place_of(change)) == cast)
        return _Ballot(self.item, tuple(votes))


def _ballot(item: KeyedRecord, rules: TrainingRules) -> _Ballot:
    record = item.record
    removed = _removed_steps(record.structure)
    changes = (*(edit for edit in record.edits if edit.step_index not in removed), *record.structure)
    return _Ballot(item, tuple((change, vote(change, record, rules.edge_whitespace)) for change in changes))


def _removed_steps(structure: Iterable[StructureChange]) -> set[int]:
    return {change.step_index for change in structure if isinstance(change, Removal)}


def _won(votes: Mapping[Place, dict[str, set[str | RowKey]]]) -> dict[Place, str]:
    """What won at each place. A step is not both removed and edited: more votes win, and on a tie neither does."""
    won = {place: best for place, cast in votes.items() if (best := _winner(cast)) is not None}
    strength = {place: len(votes[place][best]) for place, best in won.items()}
    for place in [place for place in won if place[0] == "remove"]:
        edits = [other for other in won if other[0] == place[1]]
        strongest = max((strength[other] for other in edits), default=0)
        if strength[place] >= strongest:
            won = {other: best for other, best in won.items() if other not in edits}
        if strength[place] <= strongest:
            del won[place]
    return won


def _without_others_before(won: Mapping[Place, str], ballots: Iterable[_Ballot]) -> dict[Place, str]:
    """What won, but for inserted steps before which something else won than their annotators have there: other steps in
    the gap, or that the step before the gap is removed or kept."""
    lost: set[Place] = set()
    for ballot in ballots:
        structure = {place_of(change): cast for change, cast in ballot.votes if not isinstance(change, Edit)}
        for change, cast in ballot.votes:
            place = place_of(change)
            if isinstance(change, Insertion) and won.get(place) == cast:
                removal: Place = ("remove", change.after)
                before: list[Place] = [("insert", change.after, position) for position in range(change.position)]
                if any(won.get(other) != structure.get(other) for other in (removal, *before)):
                    lost.add(place)
    return {place: cast for place, cast in won.items() if place not in lost}


def _with_a_step_left(won: Mapping[Place, str], steps: int) -> Mapping[Place, str]:
    """What won, without the removals where these leave nothing of a trace with that many steps: no annotator said so,
    or their annotation would have been rejected."""
    removed = {place for place in won if place[0] == "remove"}
    if len(removed) < steps or any(place[0] == "insert" for place in won):
        return won
    return {place: cast for place, cast in won.items() if place not in removed}


def _disputed_step(change: Edit | StructureChange, record: Record) -> int:
    """The step about which there is a dispute if no other annotator made this change: for an inserted step, the next
    one that this annotator kept, which came too early if they are right. The final answer is the step after the last.
    """
    match change:
        case Insertion(after=after):
            removed = _removed_steps(record.structure)
            return next(step for step in itertools.count(after + 1) if step not in removed)
        case _:
            return len(record.original_trace.steps) if change.step_index is None else change.step_index


def _votes_on_steps(
    records: Sequence[KeyedRecord], words: VerdictWords, final_answer: int
) -> dict[int, dict[str, set[Verdict]]]:
    """What each annotator says of each step that somebody scored: who rewrote or removed it calls it wrong, and who
    neither did that nor scored it, right. `final_answer` is the number of the final answer."""
    said = [(item, step_verdicts(item.record.source.step_labels, words, final_answer)) for item in records]
    votes: dict[int, dict[str, set[Verdict]]] = {}
    for step in sorted({step for _, verdicts in said for step in verdicts}):
        votes[step] = {}
        for item, verdicts in said:
            changed = {final_answer if edit.step_index is None else edit.step_index for edit in item.record.edits}
            changed |= _removed_steps(item.record.structure)
            verdict: Verdict = "wrong" if step in changed else verdicts.get(step, "right")
            votes[step].setdefault(str(item.voter), set()).add(verdict)
    return votes


def _winner(votes: dict[str, set[str | RowKey]]) -> str | None:
    """The correction with the most votes, if it has at least two and no other one has as many."""
    most = max(len(voters) for voters in votes.values())
    texts = [text for text, voters in votes.items() if len(voters) == most]
    return texts[0] if most >= _AGREEING and len(texts) == 1 else None


def _joined(records: Sequence[KeyedRecord], agreed: Sequence[_Ballot], traces: Traces | None) -> Record:
    """One record with the agreed changes, each as the first annotator who made it has it. Without any, the trace as it
    was, under the names of all annotators."""
    items = [ballot.item for ballot in agreed] or records
    first = items[0].record
    trace = first.original_trace
    edits: list[Edit] = []
    for change, by in _agreed_changes(agreed):
        if isinstance(change, Edit):
            edits.append(change)
            trace = _with_edit(trace, by.record, change)
    ordered = tuple(sorted(edits, key=lambda edit: (edit.step_index is None, edit.step_index or 0)))
    structure = _agreed_structure(agreed)
    if structure and isinstance(traces, ChatTraces):
        trace = recorded_chat(traces.corrected)
    elif structure:
        trace = RecordedTrace(restructured_trace(trace.value(), ("steps",), structure))
    return replace(
        first,
        annotator="+".join(sorted({item.voter: item.record.annotator for item in items}.values())),
        corrected_trace=trace,
        edits=ordered,
        structure=structure,
        **edit_sums(ordered, structure),
    )


def _joined_traces(records: Sequence[KeyedRecord], agreed: Sequence[_Ballot]) -> Traces | None:
    """Both traces of the joined record: in a conversation, the agreed parts as the first annotator has them."""
    joined = (agreed[0].item if agreed else records[0]).traces
    if not isinstance(joined, ChatTraces):
        return joined
    joined = joined.unedited()
    for change, by in _agreed_changes(agreed):
        if isinstance(change, Edit) and isinstance(by.traces, ChatTraces):
            joined = joined.with_edit(by.traces, change)
    return replace(joined, structure=_agreed_structure(agreed))


def _agreed_changes(agreed: Sequence[_Ballot]) -> Iterator[tuple[Edit | StructureChange, KeyedRecord]]:
    """Each agreed change with the first record that has it."""
    seen: set[Place] = set()
    for ballot in agreed:
        for change, _ in ballot.votes:
            if place_of(change) not in seen:
                seen.add(place_of(change))
                yield change, ballot.item


def _agreed_structure(agreed: Sequence[_Ballot]) -> tuple[StructureChange, ...]:
    changes = [change for change, _ in _agreed_changes(agreed) if not isinstance(change, Edit)]
    return tuple(sorted(changes, key=_along_the_trace))


def _along_the_trace(change: StructureChange) -> tuple[int, int]:
    match change:
        case Removal(step_index=step):
            return step, -1
        case Insertion(after=after, position=position):
            return after, position


def _with_edit(trace: RecordedTrace, by: Record, edit: Edit) -> RecordedTrace:
    """`trace`, of which no step is removed or inserted yet, with what the record `by` has where its edit is."""
    step = edit.step_index
    if step is not None and by.structure:
        step = corrected_position(by.structure, len(by.original_trace.steps), step)
    value = get_field(by.corrected_trace.value(), path_in_record(edit, by.corrected_trace, step))
    return RecordedTrace(set_field(trace.value(), path_in_record(edit, trace, edit.step_index), value))
