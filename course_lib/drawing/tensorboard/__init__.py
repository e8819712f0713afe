"""TensorBoard's graph of a model: event files (``event_files``) and how they are shown in a notebook."""
