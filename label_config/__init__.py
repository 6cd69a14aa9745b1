"""The labeling config: written, read back, and what Label Studio gets with it, task data and predictions. Pure."""
