"""Everything that is said to Label Studio. The only package that imports its SDK."""
