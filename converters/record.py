"""Why an annotation becomes no record: it is kept in `rejects.jsonl`, counted, and in no other file."""

from __future__ import annotations

from enum import Enum

__all__ = ["Reason", "RejectedAnnotation"]


class Reason(str, Enum):
    """What is counted. The value is what the files and the summary say."""

    NO_TRACE = "the task holds no trace"
    WRONG_SHAPE = "a result of a wrong shape"
    UNKNOWN_CONTROL = "a control that the config lacks"
    ABSENT_FIELD = "a field that the task lacks"
    SEVERAL_TEXTS = "several texts for one field"
    NOT_JSON = "not JSON, where the original is"
    NO_REASON = "an edit without a reason"
    NO_TIME = "no time, where one is asked for"


class RejectedAnnotation(Exception):  # noqa: N818 - it says what happened to the annotation, no error of the program
    """Raised while an annotation is read; `detail` says where, for a person."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
