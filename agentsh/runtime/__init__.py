"""The runtime joins the parts: session, agent loop, review, commit, revert."""
