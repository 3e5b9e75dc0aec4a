"""What people fill in. Services judge it; forms only hold it and show what was wrong."""
