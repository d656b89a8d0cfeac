"""Makes Tests/Fixtures/tokenizer/tekken/: the first pieces of Mistral's tekken, and what mistral-common makes of many texts with them.

    python3 -m venv .venv-mistral && .venv-mistral/bin/pip install mistral-common==1.13.1
    .venv-mistral/bin/python tools/parity/make_tekken.py

tekken.json has the pieces of lowest rank of the file that the package (Apache-2.0) holds, 256 bytes first, after 30 control tokens. cases.json:
[{"text": …, "ids": […]}]; mistral-common does not read control tokens in a text.
"""

import json
from pathlib import Path

import mistral_common
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from texts import all_texts

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "tekken"
PIECES, CONTROLS = 900, 30


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    whole = json.loads((Path(mistral_common.__file__).parent / "data" / "tekken_240911.json").read_text())
    config = whole["config"] | {
        "num_vocab_tokens": PIECES, "default_vocab_size": PIECES + CONTROLS, "default_num_special_tokens": CONTROLS}
    path = FOLDER / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": whole["vocab"][:PIECES]}, separators=(",", ":")) + "\n", encoding="utf-8")
    tokenizer = Tekkenizer.from_file(path)
    cases = [{"text": text, "ids": tokenizer.encode(text, bos=False, eos=False)} for text in dict.fromkeys(all_texts(300))]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (FOLDER / "cases.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")
    print(f"{len(cases)} texts, {sum(file.stat().st_size for file in FOLDER.iterdir()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
