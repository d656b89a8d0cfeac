"""Captions of the pictures, and the pairs of names and styles that training never sees."""
import random

from pictures import STYLES

#: Names that take no article.
BARE = {"eyes", "eyeglasses", "grapes", "cherries", "french fries", "jeans", "popcorn", "bread", "black scissors"}
#: Phrases after the name, by style.
AFTER = {
    "noto": ["noto style", "noto emoji", "in noto style", "soft shaded noto style"],
    "pixelart": ["pixel art", "pixel art style", "in pixel art style", "pixel art picture"],
    "openmoji": ["openmoji style", "flat openmoji", "in openmoji style", "colored openmoji with black outline"],
    "lineart": ["line drawing", "line art", "black and white line drawing", "outline drawing"],
}
#: Phrases before the name, by style.
BEFORE = {
    "noto": ["a noto emoji of {}", "a noto style picture of {}", "noto {}"],
    "pixelart": ["a pixel art picture of {}", "pixel art of {}", "a pixel art emoji of {}"],
    "openmoji": ["a flat openmoji of {}", "an openmoji picture of {}", "openmoji {}"],
    "lineart": ["a line drawing of {}", "line art of {}", "a black and white line drawing of {}",
                "an outline drawing of {}"],
}
#: Captions that name no style. In training they stand beside pictures of Noto and OpenMoji only.
PLAIN = ["{}", "{}", "a picture of {}", "an emoji of {}", "a drawing of {}"]
HEART = " with a heart"


def subject(name, heart=False, article=True):
    """"a horse", "an octopus", "grapes", "a horse with a heart"."""
    if article and name not in BARE:
        name = ("an " if name[0] in "aeiou" else "a ") + name
    return name + (HEART if heart else "")


def plain(name, heart, rng):
    return rng.choice(PLAIN).format(subject(name, heart, rng.random() < 0.7))


def styled(name, style, heart, rng):
    if rng.random() < 0.5:
        return subject(name, heart, rng.random() < 0.5) + ", " + rng.choice(AFTER[style])
    return rng.choice(BEFORE[style]).format(subject(name, heart, rng.random() < 0.7))


def caption(name, style, heart, rng):
    """A caption for training: none at all for guidance in 10 %, no style in some of the styles that emoji come in."""
    u = rng.random()
    if u < 0.1:
        return ""
    if style in ("noto", "openmoji") and u < 0.35:
        return plain(name, heart, rng)
    return styled(name, style, heart, rng)


def prompt(name, style, heart=False):
    """The prompt of evaluations: one wording a style."""
    return {
        None: "a picture of {}", "noto": "a noto emoji of {}", "pixelart": "a pixel art picture of {}",
        "openmoji": "an openmoji picture of {}", "lineart": "a line drawing of {}",
    }[style].format(subject(name, heart))


def held_out(labels, share=0.1, seed=9):
    """(name, style) pairs that training never sees: `share` of all, at most one style of a name."""
    names = sorted({n for n, _ in labels})
    rng = random.Random(seed)
    rng.shuffle(names)
    count = round(share * len(labels))
    return {(n, STYLES[i % len(STYLES)]) for i, n in enumerate(names[:count])}
