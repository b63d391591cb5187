"""Symphony: content exports (EML, Actiance) and the events of its Agent and Pod APIs.

Financial formats, section 5.
"""

from include.commsarchive.sources.symphony.source import Symphony

__all__ = ["Symphony"]
