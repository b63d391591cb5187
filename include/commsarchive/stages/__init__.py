"""The path of the data, one module a stage, written against the rooms' Protocols."""
