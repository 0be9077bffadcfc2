"""What is kept on disk: an index of results, and how a result is found again."""
