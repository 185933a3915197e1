"""The language server: the engine's knowledge of rule files, told to editors.

`programs` finds the program that a file belongs to and checks it, `kinds` knows what `.input … from` may name, `server`
speaks the Language Server Protocol. No rule is evaluated here.
"""
