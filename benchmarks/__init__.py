"""Measurements against goals and peers, on the machine at hand."""
