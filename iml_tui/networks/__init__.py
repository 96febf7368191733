"""Networks: the plain multilayer perceptron, and many of one shape stacked into an ensemble."""
