"""The rules of monitoring, pure: no I/O, no clock; "now" is always an argument."""
