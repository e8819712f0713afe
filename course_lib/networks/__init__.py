"""ResNets, VGGs, convolution by hand, the depth experiment, fully convolutional networks, fine-tuning."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["vgg"],
    submod_attrs={
        "convolution": ["Convolution"],
        "depth_experiment": [
            "INIT_RULES",
            "few_pictures",
            "measure_signals",
            "plain",
            "residual",
        ],
        "fcn": [
            "FcnError",
            "FullyConvolutional",
            "convert",
            "iou",
            "localise",
            "locating_scene",
            "response_map",
            "slide",
        ],
        "resnet": [
            "BlockError",
            "count_layers",
            "faulty_resnet18",
            "make_block",
            "stage_shapes",
            "stage_steps",
            "why_downsample",
        ],
        "training": ["Training", "fine_tune"],
    },
)
