"""Makes Tests/Fixtures/tokenizer/splits.json: how the pre-tokenizers' regular expressions cut strings into words.

    .venv/bin/python tools/parity/make_splits.py

{"<pre-tokenizer>": [{"text": …, "words": […]}, …], …}. The expressions are those of the models' `tokenizer.json` and of llama.cpp's
`llama-vocab.cpp`, matched by the module `regex`. Where a pre-tokenizer has several, each cuts the pieces that those before it left.
"""

import json

import regex

from texts import all_texts

from pathlib import Path

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

PATTERNS = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [LLAMA3],
    "qwen2": [QWEN2],
    "tekken": [TEKKEN],
    "gpt-4o": [GPT4O],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
}


def isolate(pattern: str, pieces: list[str]) -> list[str]:
    """Cuts out every match; what lies between matches stays as it is."""
    cut = []
    for piece in pieces:
        end = 0
        for match in regex.finditer(pattern, piece):
            cut += [piece[end:match.start()], match.group()]
            end = match.end()
        cut.append(piece[end:])
    return [piece for piece in cut if piece]


def split(patterns: list[str], text: str) -> list[str]:
    pieces = [text]
    for pattern in patterns:
        pieces = isolate(pattern, pieces)
    if "".join(pieces) != text:
        raise SystemExit(f"{text!r} was split into {pieces}")
    return pieces


def main() -> None:
    texts = all_texts(90)
    path = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "splits.json"
    sections = []
    for name, patterns in PATTERNS.items():
        lines = ",\n".join(json.dumps({"text": text, "words": split(patterns, text)}) for text in texts)
        sections.append(f"{json.dumps(name)}: [\n{lines}\n]")
    path.write_text("{" + ",\n".join(sections) + "}\n", encoding="utf-8")
    print(f"{len(texts)} strings, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
