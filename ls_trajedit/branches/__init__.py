"""The agents that go on from corrected steps."""
