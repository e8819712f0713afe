"""The book's larger animals, gathered: one drawing function each, ``(brush, rng)``, on the square from -1 to 1."""

from __future__ import annotations

from picturebook.camels import camel
from picturebook.cats import cat
from picturebook.dogs import dog

__all__ = ["camel", "cat", "dog"]
