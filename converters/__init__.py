"""From a Label Studio annotation to edits, to a corrected trace, to the rows of a training format."""
