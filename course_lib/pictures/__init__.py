"""Open any picture, prepare it stage by stage, make the classic mistakes on purpose; samples and labelled folders."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "downloads": ["fetch", "is_online"],
        "folders": ["LabelledFolder", "open_folder", "write_folder"],
        "images": ["EXTENSIONS", "list_images", "open_image"],
        "mistakes": ["MISTAKES", "Mistake"],
        "pixels": ["cut_left"],
        "preprocessing": ["Stage", "TransformSettings", "seen_box", "stages", "to_picture", "transform_settings"],
        "sample_pictures": ["Sample", "samples", "scene"],
        "truth": ["right_answers"],
    },
)
