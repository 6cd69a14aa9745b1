"""The labeling config for the traces at hand, which are chats or of the plain shape, and never both."""

from __future__ import annotations

from ls_trajedit.inputs import LoadedTraces
from ls_trajedit.label_config.chat_config import ChatShape, chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.tags import NO_ANCHORS, Anchors
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import TraceShape, check_chat_fields, check_options, shape_of

__all__ = ["Shape", "anchors_in", "config_for", "longest", "shape_of_traces"]

Shape = TraceShape | ChatShape


def shape_of_traces(options: Options, loaded: LoadedTraces) -> Shape:
    """What the traces have in common. Raises TraceError when there are both kinds of traces, and OptionsError for
    options that do not fit them."""
    loaded.refuse_mixed()
    if loaded.chats:
        check_chat_fields(options, (chat.trace for chat in loaded.chats), loaded.name)
        return chat_shape(chat_data(chat.trace, options.read_options, chat.number) for chat in loaded.chats)
    shape = shape_of((trace.data for trace in loaded.steps), options)
    check_options(options, shape, loaded.name)
    return shape


def config_for(options: Options, shape: Shape, anchors: Anchors = NO_ANCHORS) -> str:
    """The labeling config for traces of this shape, in which controls point at the tags of `anchors` where these are
    there. Raises OptionsError when the options do not fit the shape."""
    if isinstance(shape, ChatShape):
        return write_chat_config(options, shape, anchors)
    return write_config(options, shape, anchors)


def anchors_in(schema: Schema) -> Anchors:
    """The tags at which the controls of steps point that correct nothing."""
    of_steps = ((label.step_index, label.original) for label in schema.labels() if label.step_index is not None)
    return Anchors(
        {each.step_index: _end(each.original, each.step_index) for each in schema.structures()},
        {step: _end(original, step) for step, original in of_steps},
    )


def _end(tag: str, step: int) -> str:
    return tag.removeprefix(f"step_{step}__")


def longest(shape: Shape) -> int:
    """How many steps the longest trace has."""
    return len(shape.steps) if isinstance(shape, ChatShape) else shape.longest
