"""Label, field and node selectors: text or JSON → requirements → matches.

Pure functions over strings and mappings; a Lark grammar does the parsing. Knows no objects and no rules.
"""
