"""The command line: one file per verb; exit codes are chosen in `main` alone."""
