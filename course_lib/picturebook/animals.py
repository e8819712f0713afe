"""The book's larger animals, gathered: one drawing function each, ``(brush, rng)``, on the square from -1 to 1."""

from __future__ import annotations

from course_lib.picturebook.camels import camel
from course_lib.picturebook.cats import cat
from course_lib.picturebook.dogs import dog

__all__ = ["camel", "cat", "dog"]
