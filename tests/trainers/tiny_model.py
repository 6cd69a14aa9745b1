"""A tokenizer trained on the example traces, and models of two layers with random weights: nothing comes from a hub."""

from __future__ import annotations

import json
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

__all__ = ["causal_model", "make_tokenizer", "reward_model", "step_model"]

_PAD, _BEGIN, _END = "<pad>", "<s>", "</s>"
_SEED = 20


def make_tokenizer(traces: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, trained on all texts in lines of JSON. It decodes to exactly what it encoded."""
    texts = [text for line in traces.splitlines() for text in _texts(json.loads(line))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=[_PAD, _BEGIN, _END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        bos_token=_BEGIN,
        eos_token=_END,
        clean_up_tokenization_spaces=False,
    )


def causal_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A language model; every call gives the same weights, so that two of them can be policy and reference."""
    torch.manual_seed(_SEED)
    return LlamaForCausalLM(_config(tokenizer))


def reward_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model that gives a whole text one number."""
    torch.manual_seed(_SEED)
    return LlamaForSequenceClassification(_config(tokenizer, num_labels=1))


def step_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model that says of each token whether it is bad (0) or good (1)."""
    torch.manual_seed(_SEED)
    return LlamaForTokenClassification(_config(tokenizer, num_labels=2))


def _config(tokenizer: PreTrainedTokenizerFast, **more: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **more,
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _texts(item)]
