"""What Airflow's web server serves for us."""
