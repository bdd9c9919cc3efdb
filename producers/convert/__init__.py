"""A stranger's tables into the canonical form, by what their owner says of them: one kind of guess a file."""
