"""The labeling config, written and read back, and what goes with it: task data and predictions. Pure."""
