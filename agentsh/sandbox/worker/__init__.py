"""The killable process in which actions run, and how the parent starts and talks to it."""
