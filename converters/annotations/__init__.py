"""From an annotation in Label Studio to a record of what was corrected."""
