"""The operations that are worth a kernel, one a file, each in plain PyTorch. They know nothing of the architecture."""
