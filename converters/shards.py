"""Shards: the same rows in several files instead of one, so that several machines can write them.

Which shard a task is in depends on the task alone and on how many shards there are. So all of its places meet in one
shard, and who read them, where, and in which order changes no byte of it. The names are those that `datasets` gives
shards.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ls_trajedit.converters.annotations.duplicates import TaskKey

__all__ = ["MOST_SHARDS", "Shard", "shard_of", "shards_pattern", "whole_name"]

MOST_SHARDS = 10_000
"""How many shards there may be: each is a file of every format."""

_NUMBERS = re.compile(r"-\d{5}-of-(\d{5})(?=\.[^./]*$)", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """One of `count` shards, numbered from 0."""

    number: int
    count: int

    def file_name(self, file: str, *, in_folder: bool = False) -> str:
        """What this shard of `file` is called. With `in_folder`, the shards of a file are alone in a folder.

        >>> Shard(0, 32).file_name("trl/dpo.train.jsonl")
        'trl/dpo.train-00000-of-00032.jsonl'
        >>> Shard(0, 32).file_name("llamafactory/sft.json", in_folder=True)
        'llamafactory/sft/sft-00000-of-00032.json'
        """
        folder, slash, name = file.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        if in_folder:
            folder, slash = f"{folder}{slash}{stem}", "/"
        return f"{folder}{slash}{stem}-{self.number:05}-of-{self.count:05}{dot}{ending}"


def shard_of(key: TaskKey | None, raw: bytes, count: int) -> int:
    """The number of the shard, one of `count`, that a task is in: by its key or, where it has none, by its JSON `raw`.

    >>> shard_of((3, 17), b"{}", 32) == shard_of((3, 17), b"[]", 32)
    True
    """
    content = raw if key is None else json.dumps(key).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") % count


def whole_name(file: str) -> str:
    """The name that a shard called `file` was given its name from; any other name as it is.

    >>> whole_name("trl/dpo.train-00000-of-00032.jsonl"), whole_name("llamafactory/sft/sft-00000-of-00032.json")
    ('trl/dpo.train.jsonl', 'llamafactory/sft.json')
    >>> whole_name("trl/dpo.jsonl")
    'trl/dpo.jsonl'
    """
    whole = _NUMBERS.sub("", file)
    *folders, name = whole.split("/")
    if whole != file and folders and folders[-1] == name.rpartition(".")[0]:
        return "/".join((*folders[:-1], name))
    return whole


def shards_pattern(file: str) -> str:
    """What fits the shard called `file` and the others of the same rows, and nothing else; any other name as it is.

    >>> shards_pattern("trl/dpo.train-00007-of-00032.jsonl")
    'trl/dpo.train-*-of-00032.jsonl'
    """
    return _NUMBERS.sub(r"-*-of-\1", file)
