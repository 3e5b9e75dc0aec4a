"""One file a channel kind; registered by being there."""
