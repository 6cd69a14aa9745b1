"""The output files on the Hugging Face hub."""
