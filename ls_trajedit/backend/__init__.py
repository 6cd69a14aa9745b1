"""The ML backend: a small stateless web service that prefills every editor with the original text."""
