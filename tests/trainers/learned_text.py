"""What a trainer lets the model learn: the text behind the tokens that count in the loss."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from torch import Tensor
from transformers import PreTrainedTokenizerFast

__all__ = ["around", "texts_where"]


def texts_where(learned: Tensor, ids: Tensor, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The text of each unbroken run of tokens for which `learned` is true."""
    pairs = zip(learned.tolist(), ids.tolist(), strict=True)
    runs = [(is_learned, [id_ for _, id_ in run]) for is_learned, run in groupby(pairs, key=lambda pair: bool(pair[0]))]
    return [tokenizer.decode(run) for is_learned, run in runs if is_learned]


def around(texts: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """What stands before and behind `wanted` in each (learned, wanted). A chat template may trim white space."""
    found = set()
    for learned, wanted in texts:
        before, here, behind = learned.partition(wanted.strip())
        assert here, f"{wanted!r} is not in what is learned: {learned!r}"
        found.add((before.strip(), behind.strip()))
    return found
