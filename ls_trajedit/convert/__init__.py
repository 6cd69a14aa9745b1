"""A conversion: the exports, snapshots and target storage that somebody names, into the output files."""
