"""The figures of the machine that this runs on."""
