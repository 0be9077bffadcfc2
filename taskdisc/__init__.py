"""pytest for pipelines: functions are tasks, parameter names are dependencies, results are kept."""

__version__ = "0.1.0"
