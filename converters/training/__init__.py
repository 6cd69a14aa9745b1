"""From a record to turns, conversations and preference pairs: what every training format is made of."""
