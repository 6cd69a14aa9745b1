"""What runs in a browser beside Label Studio's editor: the live diff."""
