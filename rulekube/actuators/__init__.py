"""The only code that touches the outside: objects, Docker, nftables, routes, volumes, or a simulation of them.

Actuators carry out actions and report observations; they decide nothing.
"""
