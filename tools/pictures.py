"""Draw the pictures of ``images/`` anew: ``python tools/pictures.py``. Nothing in there is drawn by hand."""

from __future__ import annotations

from pathlib import Path

from course_lib import drawing, load_classifier, samples
from course_lib.tracing import trace
from picturebook import ALL_CLASSES, sheet

IMAGES = Path(__file__).resolve().parents[1] / "images"


def main() -> None:
    """Write a photograph with its answer, the picture book (a row a class, a column a seed), and a traced block."""
    photograph = samples()["coffee"].open()
    answer = load_classifier("efficientnet_lite0", device="cpu").predict(photograph)
    laptop = drawing.laptops(photograph, {"Your computer says": answer})
    (IMAGES / "espresso.jpg").write_bytes(laptop.data)
    print("images/espresso.jpg", *laptop.open().size)
    page = sheet(ALL_CLASSES, range(100, 110), side=96)
    page.save(IMAGES / "picturebook.jpg", quality=86, optimize=True)
    print("images/picturebook.jpg", *page.size)
    block = drawing.block(trace("resnet18"), path="layer2.0")
    (IMAGES / "block.png").write_bytes(block.data)
    print("images/block.png", *block.open().size)


if __name__ == "__main__":
    main()
