"""Label, field and node selectors: text or JSON → requirements → matches.

Pure functions over strings and mappings; a Lark grammar does the parsing. Knows no objects and no rules.

* `label.parse`, `label_selector.selector`, `field.parse` make selectors; SelectorError speaks in Kubernetes' words.
* `requirement.Requirement` is what reaches the rules: (key, operator, values).
* `syntax` and `metadata` are the rules of names, labels and annotations; `field_error` words a complaint about a field.
"""
