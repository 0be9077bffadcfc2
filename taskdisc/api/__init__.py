"""taskdisc from Python: projects, their runs and results, for programs and notebooks."""
