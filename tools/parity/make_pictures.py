"""Makes Tests/Fixtures/pictures/: small PNG and JPEG files of many kinds, and expected.json: the pixels that Pillow reads from them.

    .venv/bin/python tools/parity/make_pictures.py

{"name": {"width": …, "height": …, "pixels": […]}}: red, green and blue, on white where there is alpha, turned as Exif says. Kinds of PNG that
Pillow does not write (16 bits, interlaced, few bits) are put together here; of 16 bits the expected pixels are those of 8, rounded.
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "pictures"
WIDTH, HEIGHT = 13, 9
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def rows(samples: np.ndarray, bits: int) -> bytes:
    """Unfiltered rows of samples [height, width, channels]."""
    lines = b""
    for row in samples.reshape(samples.shape[0], -1):
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            line = np.packbits(((row[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8).flatten()).tobytes()
        lines += b"\0" + line
    return lines


def png(samples: np.ndarray, bits: int, color: int, interlaced: bool = False, extra: bytes = b"") -> bytes:
    height, width = samples.shape[:2]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(rows(part, bits) for part in passes if part.size)
    else:
        data = rows(samples, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(9)
    files, expected = {}, {}

    def add(name: str, data: bytes, pixels: np.ndarray | None = None) -> None:
        files[name] = data
        if pixels is None:
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
            if "A" in picture.getbands() or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture)
            pixels = np.asarray(picture.convert("RGB"))
        expected[name] = {"width": pixels.shape[1], "height": pixels.shape[0], "pixels": pixels.flatten().tolist()}

    def gray(values: np.ndarray) -> np.ndarray:
        return np.repeat(np.round(values).astype(np.uint8).reshape(HEIGHT, WIDTH, 1), 3, axis=2)

    for bits in (1, 2, 4, 8, 16):
        samples = source.integers(0, 2**bits, (HEIGHT, WIDTH, 1))
        add(f"gray{bits}.png", png(samples, bits, 0), gray(samples * 255 / (2**bits - 1)))
    for bits in (8, 16):
        samples = source.integers(0, 2**bits, (HEIGHT, WIDTH, 4))
        scale = 2**bits - 1
        add(f"rgb{bits}.png", png(samples[..., :3], bits, 2), np.round(samples[..., :3] * 255 / scale).astype(np.uint8))
        alpha = samples[..., 3:] / scale
        flat = np.round(samples[..., :3] * 255 / scale * alpha + 255 * (1 - alpha)).astype(np.uint8)
        add(f"rgba{bits}.png", png(samples, bits, 6), flat)
        flat = np.round(samples[..., :1] * 255 / scale * alpha + 255 * (1 - alpha)).astype(np.uint8)
        add(f"graya{bits}.png", png(samples[..., [0, 3]], bits, 4), np.repeat(flat, 3, axis=2))
    palette = source.integers(0, 256, (16, 3)).astype(np.uint8)
    colors = chunk(b"PLTE", palette.tobytes())
    for bits in (1, 2, 4):
        samples = source.integers(0, 2**bits, (HEIGHT, WIDTH, 1))
        add(f"palette{bits}.png", png(samples, bits, 3, extra=chunk(b"PLTE", palette[: 2**bits].tobytes())))
    add("palette-alpha.png", png(samples, 4, 3, extra=colors + chunk(b"tRNS", bytes(range(0, 256, 25)))))
    samples = source.integers(0, 256, (HEIGHT, WIDTH, 3))
    add("interlaced.png", png(samples, 8, 2, interlaced=True))
    add("one.png", png(samples[:1, :1], 8, 2))
    # A colour that is transparent as a whole.
    add("key.png", png(samples, 8, 2, extra=chunk(b"tRNS", samples[2, 3].astype(">u2").tobytes())))

    smooth = np.stack(np.meshgrid(np.linspace(0, 255, 21), np.linspace(0, 255, 18)), axis=-1)
    smooth = np.concatenate([smooth, 255 - smooth[..., :1]], axis=-1).round().astype(np.uint8)
    picture = Image.fromarray(smooth)

    def jpeg(picture: Image.Image, **options) -> bytes:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", **{"quality": 90, **options})
        return stream.getvalue()

    add("420.jpg", jpeg(picture))
    add("444.jpg", jpeg(picture, subsampling=0))
    add("progressive.jpg", jpeg(picture, progressive=True))
    add("gray.jpg", jpeg(picture.convert("L")))
    small = picture.crop((3, 2, 14, 9))
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        add(f"turned{orientation}.jpg", jpeg(small, exif=exif))
    files["cmyk.jpg"] = jpeg(picture.convert("CMYK"))

    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    (FOLDER / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(files)} pictures, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
