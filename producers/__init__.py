"""What brings records to the topics: canonical folders, releases and, later, live weather."""
