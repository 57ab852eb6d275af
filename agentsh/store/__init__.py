"""The store: one SQLite file a workspace with content, actions, commits, snapshots and the journal."""
