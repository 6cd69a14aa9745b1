"""Options, traces and the labeling config: pure, on the lowest floor."""
