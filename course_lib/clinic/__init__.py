"""The error clinic: after one of PyTorch's errors, what happened, where, which shapes met, and the repair.

    from course_lib import clinic
    clinic.explain()        # in the cell after the error
    clinic.switch_on()      # or: under every traceback, by itself
    clinic.check_input(model, batch)    # the mistakes that raise no error

About an error that it does not know it says nothing; it never guesses. Nothing here changes a model, and no tensor and
no frame is kept in memory.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "diagnosis": ["Diagnosis", "Line"],
        "explanations": ["explain", "switch_off", "switch_on"],
        "input_check": ["Finding", "Report", "check_input"],
    },
)
