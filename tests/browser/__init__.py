"""A real browser on the operator's page: for tests, and for the pictures of the documentation."""
