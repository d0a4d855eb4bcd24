"""Syntax errors of scripts, and how to mend them.

Each rule proposes other forms of a line. A proposal is right if Python, reading the whole script
with it, gets past the place of the error: so no rule has to be certain by itself.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from keyword import kwlist

WIDE = dict(
    zip("，。（）：；！？【】［］｛｝＝＋－＊“”‘’", ",.():;!?[][]{}=+-*\"\"''", strict=True)
) | {"\u3000": " ", "\u00a0": " ", "\u2013": "-", "\u2212": "-", "\u200b": "", "\ufeff": ""}


def mend(error: SyntaxError, lines: list[str]) -> tuple[int, str, str] | None:
    """(number, words, line): the line at fault, what was meant, and the line as it should be."""
    number = error.lineno or 0
    if not lines or not 1 <= number <= len(lines):
        return None
    candidates = [number]
    if "never closed" in (error.msg or "") or "comma" in (error.msg or ""):
        candidates += range(number + 1, min(number + 12, len(lines)) + 1)
    elif number > 1:
        candidates.append(number - 1)  # some errors are noticed in the line after
    # Where Python asks for a comma, a bracket would do as well.
    for rule in sorted(RULES, key=lambda rule: rule is _commas and "comma" not in str(error.msg)):
        for at in candidates:
            line = lines[at - 1].rstrip("\n")
            for words, proposal in rule(line, lines, at):
                if proposal != line and _gets_further(lines, at, proposal, number):
                    return at, words, proposal
    return None


def _gets_further(lines: list[str], at: int, proposal: str, number: int) -> bool:
    """Whether the script with this line is read beyond the place of the error."""
    changed = [*lines[: at - 1], f"{proposal}\n", *lines[at:]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the script's own, such as an invalid escape
            compile("".join(changed), "", "exec", dont_inherit=True)
    except SyntaxError as error:
        return (error.lineno or 0) > max(number, at)
    except ValueError:  # null bytes
        return False
    return True


Proposals = Iterator[tuple[str, str]]


def without_strings(line: str) -> str:
    """The line with the insides of quotes blanked, in the same length."""
    return re.sub(
        r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""",
        lambda found: found[0][0] + " " * (len(found[0]) - 2) + found[0][-1],
        line,
    )


def _slashes(line: str, lines: list[str], at: int) -> Proposals:
    start = without_strings(line).find("//")
    if start >= 0:
        before = f"{line[:start].rstrip()}  " if line[:start].strip() else line[:start]
        words = "`//` divides in Python; a comment begins with `#`"
        yield words, f"{before}#{line[start + 2 :]}"
    if line.lstrip().startswith(("/*", "*/", "--")):
        yield "a comment begins with `#` in Python", f"# {line.strip()}"


def _wide_signs(line: str, lines: list[str], at: int) -> Proposals:
    found = [sign for sign in WIDE if sign in line]
    if found:
        changed = "".join(WIDE.get(sign, sign) for sign in line)
        seen = [sign for sign in found if sign.isprintable() and sign.strip()]
        signs = ", ".join(f"`{sign}` for `{WIDE[sign]}`" for sign in seen)
        yield f"a sign of another keyboard or of a word processor: {signs or 'a space'}", changed


_PROMPT = re.compile(r"^\s*(>>> ?|\.\.\. ?|In ?\[\d*\]: ?)")


# A day, the progress of a training or a program that ends; Chinese words outside of strings.
_PRINTED = re.compile(
    r"\s*(\d{4}-\d\d-\d\d\b|Epoch \d+/\d+|\d+/\d+ +(\[|━)|Process finished|(```|~~~))"
)
_PROSE = re.compile("[\u4e00-\u9fff]{2}")


def no_code(line: str, lines: list[str], at: int) -> Proposals:
    code = without_strings(line).partition("#")[0]
    first = re.match(r"\w*", code.strip())
    is_code = re.search(r"[=(\[]", code) or (first and first[0] in (*kwlist, "print"))
    is_prose = _PROSE.search(code) and not is_code
    if _PRINTED.match(line) or is_prose:
        words = "this is no code: a text, or what was printed; delete it, or make it a comment"
        yield words, f"# {line.strip()}"


def _prompts(line: str, lines: list[str], at: int) -> Proposals:
    if _PROMPT.match(line):
        yield "the prompt was copied too: delete it, in all lines", _PROMPT.sub("", line)


def _jupyter(line: str, lines: list[str], at: int) -> Proposals:
    if re.match(r"\s*(%|!)", line):
        words = "a command of Jupyter, not of Python: delete it, or make it a comment"
        yield words, f"# {line.strip()}"


def _print(line: str, lines: list[str], at: int) -> Proposals:
    found = re.match(r"^(.*?)\bprint\s+(.*?)(,?)\s*(#.*)?$", line)
    words = "in Python 3 print is a function and needs parentheses"
    if found:
        before, what, comma, comment = found.groups()
        to = re.match(r">>\s*([\w.]+)\s*,\s*(.*)", what)
        inner = f"{to[2]}, file={to[1]}" if to else what
        inner += ', end=" "' if comma else ""
        yield words, f"{before}print({inner})" + (f"  {comment}" if comment else "")


def _quotes(line: str, lines: list[str], at: int) -> Proposals:
    words = "a quote is missing"
    for quote in "'\"":
        if line.count(quote) % 2:
            for found in re.finditer(rf"(\w+){quote}", line):
                yield words, f"{line[: found.start()]}{quote}{line[found.start() :]}"
            for found in re.finditer(rf"{quote}([\w./-]+)", line):
                yield words, f"{line[: found.end()]}{quote}{line[found.end() :]}"
    for found in re.finditer(r"(['\"])([\w./-]+)(['\"])", line):
        if found[1] != found[3]:
            same = f"{found[1]}{found[2]}{found[1]}"
            words = "the quotes at both ends must be the same"
            yield words, f"{line[: found.start()]}{same}{line[found.end() :]}"


_REWRITES: list[tuple[str, str, str]] = [
    (r"except\s+([\w.()\s,]+?)\s*,\s*(\w+)\s*:", r"except \1 as \2:", "in Python 3 it is `as`"),
    (r"raise\s+([\w.]+)\s*,\s*(.+)$", r"raise \1(\2)", "in Python 3 the message is an argument"),
    (r"exec\s+([^(].*)$", r"exec(\1)", "in Python 3 exec is a function"),
    (r"<>", "!=", "`<>` is of Python 2; it is `!=`"),
    (r"`([^`]+)`", r"repr(\1)", "backticks are of Python 2; it is repr()"),
    (r"\b0(\d+)\b", r"0o\1", "in Python 3 an octal number begins with `0o`"),
    (r"\b(\d+)[lL]\b", r"\1", "in Python 3 whole numbers need no L"),
    (r"\bur(['\"])", r"r\1", "`ur` is of Python 2"),
    (r"(\w+)\s*\+\+", r"\1 += 1", "Python has no `++`"),
    (r"(\w+)\s*--", r"\1 -= 1", "Python has no `--`"),
    (r"&&", "and", "`&&` is written `and`"),
    (r"\|\|", "or", "`||` is written `or`"),
    (r"!(\w)", r"not \1", "`!` is written `not`"),
    (r"\belse\s+if\b", "elif", "`else if` is written `elif`"),
    (r"\bfunction\s+(\w+\(.*\))\s*\{?", r"def \1:", "a function begins with `def`"),
    (r"^(\s*(?:if|elif|while)\b[^=!<>]*)=([^=].*)$", r"\1==\2", "`=` assigns; `==` compares"),
    (r"(\w)\s*=\s*=\s*", r"\1 == ", "`==` is one word"),
]  # fmt: skip


def _rewrites(line: str, lines: list[str], at: int) -> Proposals:
    for pattern, new, words in _REWRITES:
        if re.search(pattern, line):
            yield words, re.sub(pattern, new, line)


_HEADER = re.compile(
    r"^\s*(if|elif|else|for|while|def|class|try|except|finally|with)\b[^:]*$|"
    r"^\s*(def|class|for|if|elif|while|with)\b.*[^:]$"
)


def _colon(line: str, lines: list[str], at: int) -> Proposals:
    code = line.rstrip()
    if _HEADER.match(code):
        yield "a colon is missing at the end", f"{code}:"
        yield "a colon stands at the end, not a semicolon", re.sub(r";$", ":", code)


def _brackets(line: str, lines: list[str], at: int) -> Proposals:
    code = line.rstrip()
    for sign in ")]}":
        yield f"`{sign}` is missing", f"{code}{sign}"
        yield f"`{sign}` is missing", re.sub(r":$", f"{sign}:", code)
    for sign in ")]}":
        if code.count(sign):
            place = code.rfind(sign)
            yield f"there is a `{sign}` too many", code[:place] + code[place + 1 :]
    for closing in ")]}":
        if closing in code:
            place = code.rfind(closing)
            for other in ")]}":
                if other != closing:
                    words = f"`{other}` closes what was opened, not `{closing}`"
                    yield words, code[:place] + other + code[place + 1 :]


def _commas(line: str, lines: list[str], at: int) -> Proposals:
    code = line.rstrip()
    yield "a comma is missing", f"{code},"
    for found in re.finditer(r"(?<=[\w)\]}'\"])\s+(?=[\w('\"\[{])", code):
        yield "a comma is missing", f"{code[: found.start()]},{code[found.start() :]}"


def _indentation(line: str, lines: list[str], at: int) -> Proposals:
    above = next((one for one in reversed(lines[: at - 1]) if one.strip()), "")
    margin = above[: len(above) - len(above.lstrip())]
    tabbed = "\t" in line[: len(line) - len(line.lstrip())]
    code = line.strip()
    if tabbed or "\t" in margin:
        words = "indented with a tab, where other lines have spaces: use 4 spaces, in all lines"
        for size in (4, 8):
            yield words, line.expandtabs(size)
        yield words, margin + code
    if above.rstrip().endswith(":"):
        words = "what belongs to the line above, which ends in a colon, is indented by 4 spaces"
        yield words, f"{margin}    {code}"
    yield "it begins further right or left than the lines around it", margin + code
    for size in range(0, len(margin), 4):
        yield "it begins further right or left than the lines around it", " " * size + code


RULES: list[Callable[[str, list[str], int], Proposals]] = [
    _prompts, _jupyter, _slashes, no_code, _wide_signs, _print, _quotes, _rewrites, _indentation,
    _colon, _commas, _brackets,
]  # fmt: skip
