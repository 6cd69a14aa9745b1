"""What a trace is, and what it takes to talk about one: options, paths, templates, exact JSON, errors. Pure."""
