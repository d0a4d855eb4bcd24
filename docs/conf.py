"""Settings of the site; ``python docs/build.py`` builds it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import diptych  # noqa: E402

project = "diptych"
author = "the diptych developers"
copyright = "the diptych developers, Apache-2.0"
version = release = diptych.__version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "mathml",
    "sources",
    "twins",
    "api",
]
root_doc = "index"
nitpicky = True
myst_enable_extensions = ["dollarmath", "html_image", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "source"]
# Pages in two languages and outputs in blocks without a language: nothing to guess.
highlight_language = "text"
html_math_renderer = "mathml"  # formulas without a script and without a network

html_theme = "pydata_sphinx_theme"
html_title = "diptych"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css", "twins.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "zh": [], "api/*": [], "twins/*": []}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": {"*": ["page-toc"], "tutorials/*": ["page-toc"]},
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "default",
    "pygments_dark_style": "github-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
add_module_names = False
smartquotes = False  # "channels_first" is to be copied
