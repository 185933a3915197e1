"""Kubernetes over the wire: requests in, objects and watch events out. Decides nothing that a rule could decide."""
