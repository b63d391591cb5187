"""Shows wrong connector files as an import error, while connectors.py keeps the good ones running."""

from commsarchive_airflow.catalogue import catalogue

from include.commsarchive.errors import Fatal

if faults := catalogue().faults:
    raise Fatal("\n".join(faults))
