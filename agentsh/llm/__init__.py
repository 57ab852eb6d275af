"""Language models behind the OpenAI-compatible interface."""
