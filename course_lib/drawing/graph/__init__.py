"""The inner graph of a module as a picture: graph, layout, drawing."""
