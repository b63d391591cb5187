"""Shows wrong connector files as an import error, while connectors.py keeps the DAGs of the good ones.

Airflow reads only files in which the words "dag" and "airflow" stand: keep both.
"""

from commsarchive_airflow.catalogue import catalogue

from include.commsarchive.errors import Fatal

if faults := catalogue().faults:
    raise Fatal("\n".join(faults))
