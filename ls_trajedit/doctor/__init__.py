"""What is wrong between a person, Label Studio and the backend, and what to do about it."""
