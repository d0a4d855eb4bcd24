"""The reference engine: every operation as a textbook writes it, in Python and NumPy.

One file per family, the backward directly under its forward. Everything works on NumPy arrays of
float32 or float64 and gives back the dtype it was given; nothing writes to its inputs, except
updates whose names end in an underscore. Behind the lines of a backward stand the forward lines
that they undo. For every file here there is one in fastcore/ with the same functions, compiled:
their twins. docs/notation.md lists the symbols.
"""
