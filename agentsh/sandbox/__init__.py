"""The sandbox: runs shell lines, each command its own WASM module, on a staging view of the workspace."""
