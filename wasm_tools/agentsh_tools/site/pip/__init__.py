"""Stands in for pip in the sandbox, where nothing can be installed: it says so."""
