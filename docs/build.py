"""Builds the site: ``python docs/build.py`` writes it to build/site/html.

Lays the pages out in build/site/pages (see ``_ext/staging.py``), writes those of the twins and of
every public name beside them, and has Sphinx make the site, where every warning is an error.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import api  # noqa: E402
import staging  # noqa: E402
import twins  # noqa: E402


def lay_out(folder: Path) -> None:
    """Write all pages to `folder`, and remove what only an earlier build had."""
    made = staging.stage(folder)
    for pages in (twins.pages(), api.pages()):
        for name, text in pages.items():
            staging.write(folder / name, text.encode())
            made.add(name)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in made:
            path.unlink()


def main() -> int:
    from sphinx.cmd.build import build_main

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--to", type=Path, default=HERE.parent / "build" / "site")
    parser.add_argument("--fresh", action="store_true", help="forget earlier builds")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.to, ignore_errors=True)
    start = time.perf_counter()
    pages, html = options.to / "pages", options.to / "html"
    lay_out(pages)
    code = build_main(
        ["-b", "html", "-W", "--keep-going", "-n", "-q", "-j", "auto", "-c", str(HERE)]
        + ["-d", str(options.to / "doctrees"), str(pages), str(html)]
    )
    took = time.perf_counter() - start
    if code == 0:
        count = sum(1 for _ in html.rglob("*.html"))
        used = sum(os.times()[:4])
        print(f"{html}: {count} pages, {took:.0f} s, {used:.0f} s of processors")
    return code


if __name__ == "__main__":
    sys.exit(main())
