"""Formulas as MathML, which browsers set themselves: no script, no network."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def mathml(tex: str, as_block: bool) -> str:
    """A formula of LaTeX as MathML; spellings that docutils doesn't know in ones that it does."""
    tex = re.sub(r"\\([bB]ig{1,2})(?=[(\[{])", r"\\\1l", tex)
    tex = re.sub(r"\\([bB]ig{1,2})(?=[)\]}])", r"\\\1r", tex)
    tex = re.sub(r"\\([dt]?frac)(\w)(\w)", r"\\\1{\2}{\3}", tex)
    return tex2mathml(tex, as_block=as_block)


def inline(self, node):
    self.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def display(self, node):
    self.body.append(f'<div class="math">{mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
