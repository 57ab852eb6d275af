"""``git``, the verbs that read: a program for the sandbox's own CPython.

It runs inside a WASM instance to which the staging view is granted read-only, so whatever a hostile repository holds is
parsed where it can do no harm. It needs the standard library alone, imports little of it, and refers to itself by
relative imports: in the sandbox the package has another name and lies in an archive of bytecode.
"""
