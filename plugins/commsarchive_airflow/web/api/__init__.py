"""The REST API, below ``/api/compliance``."""
