"""The shell language: source text -> typed tree. Nothing here runs anything."""
