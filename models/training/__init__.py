"""Training: from what is known of the plants to a release, and whether it beats the one that serves."""
