"""Widths of texts, without a font engine.

They are those of DejaVu Sans, which matplotlib brings with it and most Linux systems have. Verdana
is as wide; Helvetica and Arial are narrower, so what fits its box here fits it there as well.
"""

from __future__ import annotations

import unicodedata

FAMILY = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"

# Advance widths of the characters from space to tilde, in thousandths of the font's size.
_PLAIN = (
    "318 401 460 838 636 950 780 275 390 390 500 838 318 361 318 337 636 636 636 636 636 636 636 "
    "636 636 636 337 337 838 838 838 531 1000 684 686 698 770 632 575 775 752 295 295 656 557 863 "
    "748 787 603 787 695 635 611 732 684 989 685 611 685 390 337 390 838 500 500 613 635 550 635 "
    "615 352 635 634 278 278 579 278 974 634 612 635 635 411 521 392 634 592 818 592 592 525 636 "
    "337 636 838"
)
_BOLD = (
    "348 456 521 838 696 1002 872 306 457 457 523 838 380 415 380 365 696 696 696 696 696 696 696 "
    "696 696 696 400 400 838 838 838 580 1000 774 762 734 830 683 683 821 837 372 372 775 637 995 "
    "837 850 733 850 770 720 682 812 774 1103 771 724 725 457 365 457 838 500 500 675 716 593 716 "
    "678 435 716 712 343 343 665 343 1042 712 687 716 716 493 595 478 712 652 924 645 652 582 712 "
    "365 712 838"
)
_WIDTHS = {
    bold: {chr(32 + i): int(width) for i, width in enumerate(table.split())}
    for bold, table in ((False, _PLAIN), (True, _BOLD))
}
_OTHER = 700  # a letter with an accent, a Greek or a Cyrillic one
_WIDE = 1000  # a Chinese, Japanese or Korean character


def width_of(text: str, size: float, bold: bool = False) -> float:
    """The width of a line of text in a font of this size, in the size's unit."""
    known = _WIDTHS[bold]
    total = 0
    for character in text:
        width = known.get(character)
        if width is None:
            wide = unicodedata.east_asian_width(character) in "WF"
            width = _WIDE if wide else 0 if unicodedata.combining(character) else _OTHER
        total += width
    return total * size / 1000


def shortened(text: str, size: float, limit: float, bold: bool = False) -> str:
    """The text, or its two ends with an ellipsis between, so that it is at most `limit` wide."""
    if width_of(text, size, bold) <= limit:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if width_of(short, size, bold) <= limit:
            return short
    return text[:1] + "…"
