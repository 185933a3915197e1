"""The object store: one interface, several backends, one test suite. Synchronous; may touch files and threads."""
