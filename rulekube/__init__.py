"""RuleKube: a Kubernetes-shaped cluster whose brains are Datalog rules."""

__version__ = "0.1.0"
