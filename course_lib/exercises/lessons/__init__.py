"""The exercises of each lesson: declaration, solution and check together. A new ``lessonNN.py`` is found by itself."""

import pkgutil

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(module.name for module in pkgutil.iter_modules(__path__))
)
