"""Slow changes: of a plant's forecast errors, and of the weather that its release was trained on."""
