"""The code and data of a deployment that are not DAGs: the product, its connectors and samples."""
