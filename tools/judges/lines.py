"""The protocol of `monge evaluate --judge command:…`: lines of JSON in, lines of JSON out.

Standard input has a line a text, {"id": 0, "text": "…"}, and ends; standard output gets a line for each, {"id": 0, "score": 0.93}, with a score from 0 (surely not) to 1 (surely).
What else a judge has to say goes to standard error, and an exit code other than 0 says that it failed.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence

# Texts that are scored together: enough for vectorised code, few enough that answers come as work goes on.
TOGETHER = 256


def read() -> Iterator[tuple[int, str]]:
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            yield entry["id"], entry["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"judge: line {number} is no object with 'id' and 'text': {error}")


def run(score: Callable[[Sequence[str]], Sequence[float]]) -> None:
    """Answers every line by what `score` makes of texts."""
    waiting: list[tuple[int, str]] = []

    def answer() -> None:
        for (identifier, _), value in zip(waiting, score([text for _, text in waiting])):
            print(json.dumps({"id": identifier, "score": min(max(float(value), 0.0), 1.0)}))
        sys.stdout.flush()
        waiting.clear()

    for entry in read():
        waiting.append(entry)
        if len(waiting) == TOGETHER:
            answer()
    if waiting:
        answer()
