"""The course's widgets, one file each; ipywidgets is imported here alone.

A widget is a plain ``draw`` function of values and the controls that call it (``explorer.py``); it declares itself in
its own file (``declaration.py``) and is found here by its declaration.
"""

import importlib
import pkgutil

from course_lib.widgets.explorer import Explorer
from course_lib.widgets.pointer import touch

__all__ = ["Explorer", "touch"]

for _file in pkgutil.iter_modules(__path__):
    _module = importlib.import_module(f"{__name__}.{_file.name}")
    for _name in _module.__all__:
        _value = getattr(_module, _name)
        if hasattr(_value, "declaration"):
            globals()[_name] = _value
            __all__ += [_name]
        elif isinstance(_value, type) and issubclass(_value, Explorer):
            globals()[_name] = _value
del _file, _module, _name, _value
