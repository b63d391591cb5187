"""Where files rest between two tasks, addressed by a path of any file system."""
