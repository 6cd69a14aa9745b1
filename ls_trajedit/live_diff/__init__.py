"""The live diff: what runs in a browser next to Label Studio's editor, and how it gets there."""
