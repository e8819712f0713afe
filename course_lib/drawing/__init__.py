"""Pictures of everything the library computes; each function gives a finished ``Still``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "area_figure": ["layer_areas"],
        "cards": ["draw_card", "draw_pair"],
        "cfg_figure": ["cfg_steps", "cfg_table"],
        "charts": ["bars", "histograms", "lines", "shares"],
        "bubble_chart": ["bubbles"],
        "confusion_table": ["draw_confusion"],
        "convolution_figure": ["sliding_window"],
        "field_figure": ["field_on_picture"],
        "front_chart": ["moving_front"],
        "model_charts": ["compare", "rankings", "timeline"],
        "picture_figures": ["kept_and_lost", "laptops", "picture_grid", "show", "strip"],
        "fixed_size": ["draw_fixed_size", "draw_windows", "fitted"],
        "folder_pages": ["most_confident_mistakes", "prediction_grid"],
        "guess_figures": ["calibration_figure", "number_line"],
        "graph.block_diagram": ["block"],
        "interval_chart": ["intervals"],
        "learning_curves": ["draw_curves", "seed_bands"],
        "linear_figure": ["draw_row_as_kernel"],
        "map_figure": ["draw_filters", "maps_of"],
        "paper_tables": ["resnet_table", "vgg_table"],
        "response_cells": ["draw_cells"],
        "response_figure": ["draw_response"],
        "scatter_chart": ["dot_rows", "scatter"],
        "score_panels": ["draw_scores"],
        "stage_figure": ["draw_stages"],
        "still": ["Still"],
        "tensorboard.event_files": ["read_graph", "write_graph"],
        "tensorboard.graph_view": ["show_graph", "stop_tensorboard"],
        "token_journey": ["token_journey"],
        "volume_figure": ["volumes"],
    },
)
