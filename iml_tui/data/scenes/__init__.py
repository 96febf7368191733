"""Rendered scenes of overlapping shapes, with several labels each: the data of the offline source task."""
