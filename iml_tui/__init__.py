"""iml-lab: a laboratory for neural-network experiments in the terminal."""

__version__ = "0.1.0"
