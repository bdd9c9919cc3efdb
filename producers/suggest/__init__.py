"""Which guesses would make a stranger's files readable: they are shown, and never taken unasked."""
