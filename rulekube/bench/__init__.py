"""The engine measured: workloads, hand-written twins, peers."""
