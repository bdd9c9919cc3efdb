"""The command line: one command a file, found by its file name, imported when it is called."""
