"""What looks wrong in data that can be read: one kind of thing a file, pure functions on columns."""
