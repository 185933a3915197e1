"""Assembles a node agent: the reconciler over the node pack, with actuators and a store."""
