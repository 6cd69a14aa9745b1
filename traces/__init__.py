"""What a trace is, and what everything about traces needs: options, paths, templates, exact JSON, errors. Pure."""
