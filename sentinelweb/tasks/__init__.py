"""What RQ runs: bodies of a few lines that call a service."""
