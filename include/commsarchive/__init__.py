"""Archive third-party communications: collect, decrypt, convert, map, file exactly once, prove it.

The product itself, usable as a plain library. Nothing in this package knows Airflow.
"""

VERSION = "0.1.0"
"""Version of the product; import records name it."""
