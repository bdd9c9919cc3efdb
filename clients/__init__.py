"""What runs at the other end: files to copy."""
