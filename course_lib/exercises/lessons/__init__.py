"""The exercises of each lesson: declaration, solution and check side by side."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=[f"lesson{number:02}" for number in range(8)])
