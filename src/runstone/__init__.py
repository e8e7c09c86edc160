"""Runstone: a self-hosted experiment tracking server that speaks the MLflow wire protocol."""

__version__ = "0.1.0"
