"""One sentence about each Meta-World task, in this project's words, and vectors made from the sentences alone.

The vectors let CARE run without a language model. They are no sentence embedding of the RoBERTa kind: tasks come out
alike if their descriptions share letters, not if they share meaning. `experiments.embed_tasks` writes the other kind.
"""

import collections
import hashlib
import json
import math
import pathlib
import re

import numpy as np

FEATURES = 512  # one per bit of BLAKE2b; also the width in Table 4
FILE = pathlib.Path(__file__).with_name("descriptions.json")


def base_name(task: str) -> str:
    """The task without its version: `reach-v1`, `-v2`, `-v3` and `reach` are one."""
    return re.sub(r"-v[123]$", "", task)


def descriptions() -> dict[str, str]:
    """Base name -> sentence, for all fifty tasks of MT50."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def hashed_embeddings(sentences: dict[str, str]) -> dict[str, list[float]]:
    """Task -> 512 floats of mean square 1, a fixed function of the sentences.

    A sentence is counted as its runs of 3 to 5 letters. Each run stands for a random vector of signs, the bits of its
    BLAKE2b hash, and weighs the more the fewer sentences have it: `log((1 + number of sentences) / those with it)`.
    """
    runs = {task: _runs(sentence) for task, sentence in sentences.items()}
    holders = collections.Counter(run for counts in runs.values() for run in counts)
    return {task: _embed(counts, holders, len(sentences)) for task, counts in runs.items()}


def _runs(sentence: str) -> collections.Counter:
    text = f" {sentence.lower()} "
    return collections.Counter(text[i : i + n] for n in (3, 4, 5) for i in range(len(text) - n + 1))


def _embed(counts, holders, num_sentences):
    weights = {run: count * math.log((1 + num_sentences) / holders[run]) for run, count in sorted(counts.items())}
    vector = sum(weight * _signs(run) for run, weight in weights.items())
    return (vector / np.sqrt(np.mean(np.square(vector)))).tolist()


def _signs(run: str) -> np.ndarray:
    digest = np.frombuffer(hashlib.blake2b(run.encode()).digest(), np.uint8)
    return 2.0 * np.unpackbits(digest) - 1.0
