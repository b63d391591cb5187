# The project on Airflow's own image: every component (api-server, scheduler, triggerer, dag-processor,
# workers) runs this one image, so that all of them can import the project.
FROM apache/airflow:3.3.2-python3.11

USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gnupg gpg-agent \
    && rm -rf /var/lib/apt/lists/*
USER airflow

COPY requirements.txt /opt/airflow/
RUN pip install --no-cache-dir --requirement /opt/airflow/requirements.txt

COPY --chown=airflow:root include/ /opt/airflow/include/
COPY --chown=airflow:root plugins/ /opt/airflow/plugins/
COPY --chown=airflow:root dags/ /opt/airflow/dags/

# include/ and plugins/ are on no path of Airflow's triggerer otherwise.
ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
