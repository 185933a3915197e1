"""Tests of rules: test relations, YAML cases, coverage, mutants. Programs run over pretended worlds, write nothing."""
