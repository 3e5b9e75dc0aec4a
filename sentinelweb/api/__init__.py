"""What programs are told and may say: requests, answers and errors of `/api/v1`."""
