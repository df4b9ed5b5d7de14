"""The points at which a payoutd built with the feature `failpoints` can be told to die."""

POINTS = []
