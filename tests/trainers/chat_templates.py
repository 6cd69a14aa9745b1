"""The chat templates that ship in TRL: those of real models, under the names of their files. The lists are what TRL
1.16.0 does; a template that comes with a later version counts as one that does everything, until a test fails."""

from __future__ import annotations

from copy import deepcopy
from itertools import takewhile
from pathlib import Path

import trl
from transformers import PreTrainedTokenizerFast

__all__ = [
    "CALL_AND_THOUGHT",
    "CALL_DROPPED",
    "CALL_ONLY",
    "CALL_REFUSED",
    "MASKING",
    "TEXT",
    "TRAINED",
    "TRAINED_WITH_TOOLS",
    "around_a_turn",
    "with_template",
]

_FOLDER = Path(trl.__file__).parent / "chat_templates"
_ALL = tuple(sorted(path.stem for path in _FOLDER.glob("*.jinja") if not path.stem.endswith("_training")))

VISION = ("idefics3", "llava_next", "smolvlm")
"""Those that want the content of a message as a list of parts. They drop a text, or fail on it."""

TEXT = tuple(name for name in _ALL if name not in VISION)
"""All others: they write alternating text turns as they are."""

MASKING = tuple(name for name in TEXT if not name.startswith(("gemma4", "llama3_1", "llama3_2")))
"""Those of TEXT for which TRL knows which tokens are the assistant's (`assistant_only_loss=True`)."""

CALL_ONLY = ("llama3_1", "llama3_2", "muse_glimmer")
"""Those that write the call of a message and drop its text: a correction of the thought alone does not show."""

CALL_DROPPED = ("deepseek_r1_distill", "lfm2", "llama3", "phi3", "phi3_5", "qwen2_5_vl")
"""Those that write the text of a message and drop its call, without a word."""

CALL_REFUSED = ("cohere", "cohere2", "deepseekv3", "gemma", "gemma3")
"""Those that fail: on a message of the role `tool`, or on arguments that are an object."""

CALL_AND_THOUGHT = tuple(name for name in TEXT if name not in (*CALL_ONLY, *CALL_DROPPED, *CALL_REFUSED))
"""All others of TEXT: they write both."""

TRAINED = ("deepseekv3", "gemma3", "gptoss", "llama3", "phi3_5", "qwen3")
"""Those that the trainers take steps with: the main ways to write a conversation."""

TRAINED_WITH_TOOLS = ("glm4moe", "gptoss", "nemotron_3_nano", "qwen3")
"""The same for files with tool calls."""


def with_template(tokenizer: PreTrainedTokenizerFast, name: str) -> PreTrainedTokenizerFast:
    """A copy of the tokenizer that has the template."""
    copy = deepcopy(tokenizer)
    copy.chat_template = (_FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    return copy


def around_a_turn(tokenizer: PreTrainedTokenizerFast) -> tuple[str, str]:
    """What the tokenizer's template writes before and behind a turn of the assistant's, without white space: from the
    first token that differs from the prompt on."""
    asked, answered = {"role": "user", "content": "Ping?"}, {"role": "assistant", "content": "Pong!"}
    prompt = tokenizer.apply_chat_template([asked], add_generation_prompt=True)["input_ids"]
    whole = tokenizer.apply_chat_template([asked, answered])["input_ids"]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(prompt, whole, strict=False)))
    before, _, behind = tokenizer.decode(whole[same:]).partition("Pong!")
    return before.strip(), behind.strip()
