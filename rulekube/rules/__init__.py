"""The brains: rule files, and one list of packs. No Python decides anything here."""
