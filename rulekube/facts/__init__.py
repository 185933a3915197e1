"""Objects ⇄ facts: the table of kinds, manifests, defaults, validation, and the declared mapping from objects to facts.

Purely computational (the store in `facts.store` apart): no clock, no chance, no processes, no network.
"""
