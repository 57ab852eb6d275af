"""Directory trees as plain values, built and read with os alone, and a scene of a workspace with its store."""
