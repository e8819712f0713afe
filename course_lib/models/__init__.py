"""Classifiers ready to predict, torchvision's catalogue, weights, heads, checkpoints, and torchvision's own source."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["weights"],
    submod_attrs={
        "catalog_table": ["Catalog", "catalog"],
        "checkpoints": ["Checkpoint", "load_model", "read_checkpoint", "read_state_dict", "save_checkpoint"],
        "builder_runs": ["follow"],
        "classifier": ["Classifier", "available_models", "load_classifier"],
        "entries": ["Entry", "entry_of"],
        "families": ["FAMILIES", "family_of"],
        "heads": ["head_path", "replace_head"],
        "predictions": ["FolderPredictions", "Prediction"],
        "spellings": ["hear", "hear_all"],
        "weights": ["COURSE_MODELS", "course_weights_for"],
    },
)
