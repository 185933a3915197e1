"""Datalog over plain tuples: parse, check, plan, evaluate incrementally, explain.

Nothing here knows Kubernetes, reads a clock or does I/O; the package could be published by itself.
"""
