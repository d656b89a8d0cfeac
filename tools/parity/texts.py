"""Strings on which pre-tokenizers differ: whitespace, digits, contractions, symbols, scripts, emoji, code; fixed ones and seeded ones."""

import random
import unicodedata

SEED = 20250217

FIXED = [
    # Whitespace.
    "", " ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\n \n", " \n", "\n ", "\t\t", " \t ", "a ", " a", "  a", "a  b",
    "a   b", "a\tb", "a\t\tb", "a\nb", "a\n\nb", "a \n b", "a\r\nb", "a\r\n\r\nb", "  a  ", "\n\n\na", "a\n\n\n", "   \n   x",
    "x \t\n\r y", "a\u00a0b", "a\u00a0\u00a0b", "a\u2003b", "\u3000全角", "a\u2028b", "a\u0085b", "\u200b", "\ufeffa", "a\vb\fc",
    " \u00a0 x", "end \u00a0", "tab\t end\t", "   three", "four    ", "\n\t\tx", "x\n  \n  y", " \r \n z", "\u2029\n\n.",
    # Digits.
    "7", "10", "123", "1234", "1234567890", "3.14", "1,000,000", "1e-9", "0x1F", "2024-02-29", "12:34:56", "v1.2.3", "a1b2c3",
    " 42", "  42", "42 ", "٣٤٥٦", "१२३४", "½ ¼", "x²+y³", "①②③④", "Ⅳ Ⅻ", "０１２３", "100%", "$19.99", "€5", "-1", "1½2", "H2O",
    "1990s", "'90s", "007", "12345 6789 0", "1\n2", "9" * 10, "a999b", "3rd's",
    # Contractions.
    "I'm", "you're", "he's", "we'll", "they've", "I'd", "don't", "I'M", "DON'T", "YOU'RE", "WE'LL", "THEY'VE", "I'D", "it'S",
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'Re", "'rE", "''s", " 's", "'sat", "'tis", "'twas", "'llama", "'really",
    "rock 'n' roll", "o'clock", "l'été", "it’s", "students'", "y'all'd've", "'r", "'v", "'l", "'", "''", "' s", "5's", "!'s", "'\u017fx",
    "a'\u017f", "'ſ", "x'RE", "'lL", "\t's", "\n'd",
    # Symbols.
    "Hello, world!", "...", "…", "?!", "!!!", " !!!", "(a)", "[b]", "{c}", "<d>", "a-b", "a_b", "a--b", "a—b", "“quoted”", "«g»",
    "#tag", "@user", "C++", "a==b", "a!=b", "->", "::", "/* */", "\\n", "|", "~", "`", "***bold***", "__init__", " ...", "! !",
    "a+b=c", "x<=>y", "$$$", "^_^", "$a+b", "!\n", "!\r\n", "!!\n\n", "; \n", ".\n\nNext", ")\n", "-\t-", "=\n=", " \u0301x", "\u0301",
    # Scripts.
    "café", "cafe\u0301", "naïve", "A\u030angstro\u0308m", "straße", "ŁÓDŹ", "Việt Nam", "你好,世界", "今天天气很好。", "日本語のテキスト", "한국어 문장",
    "Привет, мир!", "Ελληνικά", "שלום עולם", "مرحبا بالعالم ١٢٣", "हिन्दी में", "বাংলা", "தமிழ்", "ไทยไม่มีวรรค", "𝒜𝓁𝓅𝒽𝒶", "ＦＵＬＬ", "ªº", "〇々",
    "abc你好def", "12月25日", "abc \u202eRTL\u202c abc", "\u200fمرحبا\u200e", "한글\u11a8",
    # Emoji.
    "😀", "😀😀", " 😀", "😀 ", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷🇩🇪", "❤️", "1️⃣", "☕️ time", "text😀text", "©®™", "→←", "🙂1🙂", "a👩‍💻b", "😀\n\n😀",
    # Code.
    "def f(x):\n    return x + 1\n", "if (a && b) { return !c; }", "for(int i=0;i<n;++i){}", "#include <vector>",
    "print(f\"{x:>10.3f}\")", "x = {'a': 1, 'b': [2, 3]}", "<div class=\"a\">b</div>", "a\t=\tb;\t// c", "\t\tdeep\n\t\t\tdeeper\n\tless",
    "std::vector<std::string>", "https://example.com/a/b?c=d&e=f#g", "C:\\Users\\x", "192.168.0.1", "snake_case camelCase",
    "| a | b |\n|---|---|\n| 1 | 2 |", "# Title\n\n## Sub\n", "$\\alpha^2 + \\beta_i$", "\x00a\x01", "\x1b[31mred\x1b[0m", "a\x1cb\x1fc",
    # Prose.
    "The quick brown fox jumps over the lazy dog.", "I can't believe it's 3:45pm already — we'll miss the 4 o'clock train!",
    "Dr. Müller's résumé (updated 2023/11/05) is 2.5MB.", "To be, or not to be:\nthat is the question;\n\n\tWhether 'tis nobler",
]

RANGES = [
    (0x20, 0x7E), (0x00, 0x1F), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1E00, 0x20CF),
    (0x2100, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF),
]


def assigned_character(source: random.Random) -> str:
    """A character that this Python's Unicode data knows, so that newer data agree about it."""
    while True:
        character = chr(source.randint(*source.choice(RANGES)))
        if unicodedata.category(character) != "Cn":
            return character


def random_texts(count: int) -> list[str]:
    source = random.Random(SEED)
    texts = []
    for number in range(count):
        length = source.randint(2, 20)
        if number % 3 == 0:
            texts.append("".join(assigned_character(source) for _ in range(length)))
        elif number % 3 == 1:
            texts.append("".join(source.choice(" \t\n\r'.,-sStTreREdaAzZ0195é²") for _ in range(length)))
        else:
            texts.append("".join(source.choice(FIXED)[:8] for _ in range(source.randint(2, 5))))
    return texts


def all_texts(random_count: int) -> list[str]:
    return list(dict.fromkeys([*FIXED, *random_texts(random_count)]))
