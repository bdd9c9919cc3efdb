"""The HTTP API: what the topics say and what the sink wrote, for whoever asks."""
