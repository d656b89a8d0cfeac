"""Makes Tests/Fixtures/tokenizer/smollm.json: what Hugging Face's `tokenizers` makes of many strings with SmolLM2's vocabulary.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_tokenizer.py "$(tools/get-model smollm2)"

{"model": …, "pre_tokenizer": …, "cases": [{"text": …, "ids": […], "special": …}]}; `special` says whether the names of control tokens
in the text were read as these tokens (true) or as plain text (false). Nothing is added before or after the text.

SmolLM2's vocabulary has no token for 21 bytes (six control characters; the rest are rare or impossible in UTF-8), and no unknown token:
such bytes are left out, and the merges are made among the others.
"""

import json
import random

from fixtures import FIXTURES
from references import load_tokenizer, parse_model_argument

SEED = 20250102

PLAIN = [
    # Whitespace: runs, kinds, places.
    "", " ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\n \n", " \n", "\n ", "\t\t", " \t ", "a ", " a",
    "  a", "a  b", "a   b",
    "a\tb", "a\t\tb", "a\nb", "a\n\nb", "a \n b", "a\r\nb", "  a  ", "\n\n\na", "a\n\n\n", "   \n   x",
    "x \t\n\r y", "a" + " " * 17 + "b",
    " " * 33, "\n" * 9, "\t" * 13, "a\u00a0b", "a\u2003b", "\u3000全角", "a\u2028b", "a\u0085b", "\u200b", "a\u200bb", "\ufeffa",
    "\v", "\f", "a\vb\fc", " \u00a0 ", "\u1680x", "end \u00a0", "tab\t end\t", "   three", "four    ",
    # Digits.
    "0", "7", "10", "123", "1234567890", "3.14", "1,000,000", "1e-9", "0x1F", "2024-02-29", "12:34:56", "v1.2.3",
    "a1b2c3", "1st 2nd 3rd",
    " 42", "42 ", "٣٤٥", "१२३", "৪৫৬", "½ ¼ ¾", "x²+y³", "①②③", "Ⅳ Ⅻ", "０１２", "𝟘𝟙𝟚", "100%", "$19.99", "€5", "-1",
    "+1", "1/2", "12 34",
    "²", "a²b", "１2３", "1½", "௧௨", "1١1", "5'11\"", "90°", "H2O", "CO₂", "3rd's", "1990s", "'90s", "007",
    # Contractions and apostrophes.
    "I'm", "you're", "he's", "we'll", "they've", "I'd", "don't", "isn't", "I'M", "DON'T", "it'S", "'s", "'t", "'re",
    "'ll", " 's", "''s",
    "rock 'n' roll", "o'clock", "l'été", "d'accord", "it’s", "you’re", "students'", "'tis", "'twas", "y'all'd've",
    "'S", "'LL", "'veal",
    "can'ted", "she'd've", "'d", "'m", "'ve", "a's b's", "x 'll", "''", "'", "' s", "5's", "!'s",
    # Punctuation.
    "Hello, world!", "...", "…", "?!", "!!!", "(a)", "[b]", "{c}", "<d>", "a-b", "a_b", "a--b", "a—b", "“quoted”",
    "«guillemets»", "¿Qué?",
    "#hashtag", "@user", "a&b", "50/50", "C++", "C#", "x=y", "a==b", "a!=b", "->", "=>", "::", ";;", "/* */", "//",
    "\\", "\\n", "|", "~", "`",
    "```", "***bold***", "__init__", " ...", " !", "! !", "~~~ ", ". . .", "a.b.c", "Mr. Smith", "e.g.,", "U.S.A.",
    "--help", "$$", "^_^",
    # Letters with and without marks, other scripts.
    "café", "cafe\u0301", "naïve", "Ångström", "A\u030angstro\u0308m", "straße", "İstanbul", "ﬁ ligature", "ŁÓDŹ",
    "ñandú", "Việt Nam",
    "a\u0301\u0302\u0303", "\u0301", " \u0301", "z̷̢̛a̸l̶g̴o̵", "你好,世界", "今天天气很好。", "日本語のテキスト", "カタカナ", "ひらがな", "한국어 문장입니다",
    "Привет, мир!", "Ελληνικά", "שלום עולם", "مرحبا بالعالم", "السلام عليكم", "हिन्दी में", "বাংলা", "தமிழ்",
    "ไทยไม่มีวรรค", "ქართული",
    "Հայերեն", "አማርኛ", "ཨོཾ་མ་ཎི", "ᚠᚢᚦᚨᚱᚲ", "𐍈𐌰𐌿", "𝒜𝓁𝓅𝒽𝒶", "ＦＵＬＬ", "ʰʷʲ", "ªº", "ǅ", "क्षि", "ക്ഷ", "ខ្មែរ",
    "ᄀᄀᄀ각", "가\u11a8", "㍿", "〇", "々",
    "abc你好def", "hello世界world", "12月25日", "שלום 123 abc", "abc \u202eRTL\u202c abc", "\u200fمرحبا\u200e", "לִבְנֵי",
    "Ⱥⱥ", "ß ẞ", "ŉ",
    # Emoji.
    "😀", "😀😀", " 😀", "😀 ", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷🇩🇪", "❤️", "❤", "1️⃣", "#️⃣", "☕️ time", "🧑🏿‍🚀", "text😀text",
    "🤷‍♀️!", "©®™", "♠♥♦♣", "→←↑↓", "✓✗",
    "▁▂▃", "─│┌", "🫠🫡", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🙂1🙂", "🔥🔥🔥 100", "a👩‍💻b", "\ufe0f", "\u200d",
    # Code.
    "def f(x):\n    return x + 1\n", "if (a && b) { return !c; }", "for(int i=0;i<n;++i){}", "let x: [Int] = []", "fn main() {}\n",
    "#include <vector>", "import numpy as np", "print(f\"{x:>10.3f}\")", "x = {'a': 1, 'b': [2, 3]}",
    "SELECT * FROM t WHERE a = 'b';",
    "<div class=\"a\">b</div>", "<?xml version=\"1.0\"?>", "$ ls -la | grep foo > out.txt", "0b1010 & 0xFF", "a\t=\tb;\t// c",
    "camelCase PascalCase snake_case kebab-case SCREAMING", "\t\tdeep\n\t\t\tdeeper\n\tless", "    four\n        eight\n  two",
    "lambda x: x**2", "std::vector<std::string>", "r'\\d+\\s*'", "git commit -m 'fix'",
    "{\"a\":[1,2,{\"b\":null}]}", "key: value\n- item\n",
    "\\begin{align} x &= y \\\\ \\end{align}", "$\\alpha^2 + \\beta_i$", "| a | b |\n|---|---|\n| 1 | 2 |",
    "# Title\n\n## Sub\n", "i++;j--;",
    "x<-y|>z", "a?.b??c", "@property\ndef x(self): ...", "1_000_000", "\"\"\"doc\"\"\"", "%d%s%%", "&amp;&lt;",
    "[link](http://a.b)",
    # Addresses.
    "https://example.com/a/b?c=d&e=f#g", "http://localhost:8080/", "user.name+tag@example.co.uk", "ftp://a.b",
    "/usr/local/bin", "C:\\Users\\x",
    "192.168.0.1", "::1", "www.example.org.", "file:///etc/hosts", "data:text/plain;base64,SGVsbG8=", "#fff", "rgb(1,2,3)",
    # Control characters and the edges of Unicode.
    "\x00", "a\x00b", "\x01\x02\x03", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x81", "\u00ad", "so\u00adft", "\ufffd",
    "\uffff", "\U0010ffff",
    "\U000e0001", "\ue000", "\u2060", "\u061c", "\u180e", "ÿ", "Ġ", "Ċ", "ĠĠ", "Ā", "Ġthe", "â€™", "\u0120\u010a\u0109", "\xad\xa0",
    "\x04", "th\x04e", "a\x06b", " \x13 ", "\x14\x16\x1d", "x\x1dy z", "\U00040000", "a\U00080001b",
    # Longer text.
    "The quick brown fox jumps over the lazy dog.", "THE QUICK BROWN FOX", "tHe QuIcK bRoWn",
    "Once upon a time, there was a little girl.",
    "Supercalifragilisticexpialidocious", "antidisestablishmentarianism",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "a" * 100,
    "ab" * 60, "xyzzy" * 12, "qwrtpsdfghjkl", "mississippi", "aaaa bbbb", "...---...",
    "lol" * 15, "!" * 40, "=" * 41, "-" * 80, "0" * 21,
    "To be, or not to be: that is the question:\nWhether 'tis nobler in the mind to suffer\nThe slings and arrows",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness",
    "I can't believe it's 3:45pm already — we'll miss the 4 o'clock train!", "Dr. Müller's résumé (updated 2023/11/05) is 2.5MB.",
]

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "a<|endoftext|>b", " <|im_start|> ", "<|im_start|>user\nHi!<|im_end|>\n",
 
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nWhat is 2+2?"
    "<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_start|><|im_end|>",
    "<repo_name>a/b<file_sep>c.py\nx = 1", "<filename>t.swift",
    "<jupyter_code>1+1<jupyter_output>2", "<issue_start>a<issue_comment>b<issue_closed>", "<gh_stars>100-1000", "<empty_output>",
    "<|im_start", "im_start|>", "<|im_start|", "< |im_start|>", "<|IM_START|>", "<|im_end|><", "<<|im_end|>>",
    "x<reponame>y<repo_name>z",
    "<|endoftext|>\n<|endoftext|>", "  <|im_end|>  ", "1<|im_end|>2", "é<|im_end|>é", "don<|im_end|>'t",
    "<jupyter_start><jupyter_text>t",
    "<jupyter_script>#!/bin/sh", "\n<|im_end|>\n", "<|im_end|>\n\n<|im_start|>",
]


def byte_characters() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes: printable Latin-1 stands for itself, the others follow from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + number): byte for number, byte in enumerate(others)}


BYTES = byte_characters()


def random_texts(count: int) -> list[str]:
    """Seeded strings of assigned and unassigned characters, of bytes read as UTF-8, and of pieces of the plain cases."""
    source = random.Random(SEED)
    ranges = [
        (0x20, 0x7E), (0x00, 0x1F), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1E00, 0x20CF),
        (0x2100, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF),
        (0x10000, 0x10FFFF),
    ]
    texts = []
    for number in range(count):
        length = source.randint(1, 24)
        if number % 4 == 0:
            text = "".join(chr(source.randint(*source.choice(ranges))) for _ in range(length))
        elif number % 4 == 1:
            text = bytes(source.randrange(256) for _ in range(length)).decode("utf-8", errors="replace")
        elif number % 4 == 2:
            text = "".join(source.choice(PLAIN)[:12] for _ in range(source.randint(2, 5)))
        else:
            text = "".join(source.choice("aAzZ019 \t\n'.,-_ées") for _ in range(length * 2))
        texts.append(text)
    return texts


def main() -> None:
    reader = parse_model_argument(__doc__)
    tokenizer = load_tokenizer(reader)
    vocabulary = tokenizer.get_vocab()
    missing = {byte for character, byte in BYTES.items() if character not in vocabulary}
    cases = []
    seen = set()
    for text in [*PLAIN, *random_texts(280)]:
        if text in seen:
            continue
        seen.add(text)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        # What BPE over bytes cannot lose: the bytes of the text, but for those without a token.
        characters = [character for index in ids for character in tokenizer.id_to_token(index)]
        if bytes(BYTES[character] for character in characters) != bytes(byte for byte in text.encode() if byte not in missing):
            raise SystemExit(f"{text!r} was split into tokens that do not spell it: {ids}")
        cases.append({"text": text, "ids": ids, "special": True})
    for text in SPECIAL:
        cases.append({"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special": True})
    tokenizer.encode_special_tokens = True
    for text in SPECIAL:
        cases.append({"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special": False})

    path = FIXTURES / "tokenizer" / "smollm.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({
        "model": "SmolLM2-135M-Instruct", "pre_tokenizer": "Digits(individual_digits) + ByteLevel(add_prefix_space=False, use_regex)"})
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(cases)} cases, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
