"""The labeling config for the traces at hand, which are chats or of the plain shape, and never both."""

from __future__ import annotations

from collections.abc import Mapping

from ls_trajedit.inputs import LoadedTraces
from ls_trajedit.label_config.chat_config import ChatShape, chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.schema import Schema
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


def config_for(options: Options, shape: Shape, anchors: Mapping[int, str] = {}) -> str:
    """The labeling config for traces of this shape. `anchors` says for steps by index which tag their structure
    controls point at, if it is there: the end of its name. Raises OptionsError when the options do not fit the shape.
    """
    if isinstance(shape, ChatShape):
        return write_chat_config(options, shape, anchors)
    return write_config(options, shape, anchors)


def anchors_in(schema: Schema) -> dict[int, str]:
    """The tags at which the structure controls point, by the index of the step: the ends of their names. Annotations
    name them, so another config for the same tasks has to keep them."""
    return {
        structure.step_index: structure.original.removeprefix(f"step_{structure.step_index}__")
        for structure in schema.structures()
    }


def longest(shape: Shape) -> int:
    """How many steps the longest trace has."""
    return len(shape.steps) if isinstance(shape, ChatShape) else shape.longest
