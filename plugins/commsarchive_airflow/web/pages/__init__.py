"""What people see of commsarchive inside Airflow: pages made on the server, and a little JavaScript."""
