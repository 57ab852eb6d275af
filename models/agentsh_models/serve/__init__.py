"""The model behind an OpenAI-compatible interface."""
