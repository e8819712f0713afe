"""Time, memory, modes and accuracy, measured so that two people get the same answer. Values, no pictures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "choosing": ["Limits", "Point", "better", "find", "pareto", "points", "within"],
        "clock": ["Timing"],
        "confusion_matrix": ["Confusion", "confusion"],
        "memory": ["forward_bytes"],
        "modes": ["repeat", "saved_for_backward"],
        "proportions": ["paired", "wilson"],
        "quick_models": ["quick_model"],
        "scoring": ["accuracy_under", "answer_under", "is_right", "right_under"],
        "timing": ["measure", "measure_in_turns", "measure_models", "naive"],
        "timing_table": ["stored"],
    },
)
