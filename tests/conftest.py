"""What every test shares: a header that says what was tested, and settings left as they were."""

import os

import pytest

from diptych import config as settings
from diptych import info

os.environ["DIPTYCH_LANG"] = "en"  # wherever the tests run; those of Chinese choose it themselves


def pytest_report_header(config):
    return info.info_text().splitlines()


SETTINGS = ("floatx", "epsilon", "image_data_format", "engine", "num_threads")


@pytest.fixture(autouse=True)
def settings_as_they_were():
    """A test may change any setting of the process; the next test starts from the old ones."""
    before = {name: getattr(settings, name)() for name in SETTINGS}
    yield
    for name, value in before.items():
        if getattr(settings, name)() != value:
            getattr(settings, f"set_{name}")(value)
