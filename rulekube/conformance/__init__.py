"""Recorded behaviour of Kubernetes, row by row against ours: what `rulekube conformance` runs.

A family is a function from a row's inputs to the answers ours gives, under the row's own names. Every answer on either
side is compared, so a family cannot leave one out unseen. Families run the shipped parsers and rules, never a second
implementation. `registry` lists them.
"""
