"""Peak memory of `open_image` for a few sizes and formats, each in a process of its own.

    python benchmarks/opening.py [--megapixels 12 48 118]

The bar: at most three times the picture's RGB bytes (9 bytes a pixel) and 100 MB above what the process held before,
the encoded file apart. Linux only: the peak is read from /proc.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

#: EXIF data with the orientation 6: a telephone held upright.
TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6"
#: Format, Pillow's mode, ending, options of Pillow's `save`.
KINDS = (
    ("JPEG", "RGB", "jpg", {"quality": 85}),
    (
        "JPEG, turned by EXIF",
        "RGB",
        "jpg",
        {"quality": 85, "exif": TURNED},
    ),
    ("JPEG, CMYK", "CMYK", "jpg", {"quality": 85}),
    ("PNG, 1 bit", "1", "png", {"compress_level": 1}),
    ("PNG, palette", "P", "png", {"compress_level": 1}),
    ("PNG, RGB", "RGB", "png", {"compress_level": 1}),
    ("PNG, RGBA", "RGBA", "png", {"compress_level": 1}),
    ("PNG, 16 bits", "I;16", "png", {"compress_level": 1}),
    ("TIFF, floats", "F", "tif", {}),
    ("TIFF, LZW", "RGB", "tif", {"compression": "tiff_lzw"}),
    ("GIF", "P", "gif", {}),
    ("BMP", "RGB", "bmp", {}),
    ("WebP", "RGB", "webp", {"method": 0}),
    ("AVIF", "RGB", "avif", {"speed": 10}),
    ("JPEG 2000", "RGB", "jp2", {}),
)
OPEN = """
import sys
from course_lib.pictures import open_image
from PIL import Image
Image.init()
def kilobytes(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
open_image(sys.argv[2])
open("/proc/self/clear_refs", "w").write("5")
before = kilobytes("VmRSS")
picture = open_image(sys.argv[1])
print((kilobytes("VmHWM") - before) / 1e3 * 1.024)
"""


def write(folder: Path, kind: tuple[str, str, str, dict[str, object]], side: int) -> Path:
    """A smooth picture of ``side`` × ``side`` pixels of one kind."""
    _, mode, ending, options = kind
    ramp = np.add.outer(np.arange(side), np.arange(side))
    if mode == "I;16":
        picture = Image.fromarray((ramp % 65536).astype(np.uint16))
    elif mode == "F":
        picture = Image.fromarray((ramp / (2 * side)).astype(np.float32))
    else:
        picture = Image.fromarray((ramp // 16 % 256).astype(np.uint8)).convert(mode)
    path = folder / f"{mode.replace(';', '')}-{side}.{ending}"
    picture.save(path, **options)
    return path


def peak(path: Path, small: Path) -> float | None:
    """The memory in MB that opening a picture adds at its peak; None where it is refused."""
    answer = subprocess.run([sys.executable, "-c", OPEN, path, small], capture_output=True, text=True)
    return float(answer.stdout) if answer.returncode == 0 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 48, 118])
    worst = 0.0
    print(f"{'':24}{'pixels':>8}{'RGB':>9}{'bar':>9}{'peak':>9}{'seconds':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in KINDS:
            for megapixels in parser.parse_args().megapixels:
                side = int((megapixels * 1e6) ** 0.5)
                try:
                    path = write(folder, kind, side)
                except (KeyError, OSError, ValueError, MemoryError) as error:  # this Pillow does not write the format
                    print(f"{kind[0]:24}{side**2 / 1e6:>6.0f} M  cannot be written here: {error}")
                    continue
                small = write(folder, kind, 16)
                start = time.perf_counter()
                above = peak(path, small)
                seconds = time.perf_counter() - start
                rgb = 3 * side**2 / 1e6
                bar = 3 * rgb + 100
                path.unlink()
                if above is None:
                    print(f"{kind[0]:24}{side**2 / 1e6:>6.0f} M  refused")
                    continue
                worst = max(worst, above / bar)
                print(f"{kind[0]:24}{side**2 / 1e6:>6.0f} M{rgb:>6.0f} MB{bar:>6.0f} MB{above:>6.0f} MB{seconds:>9.1f}")
    print(f"worst: {worst:.2f} of the bar (3 x RGB + 100 MB)")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
