"""Tasks for shell lines: made from templates, proved by running them, and used to train and to judge models."""
