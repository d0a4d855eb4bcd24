"""What ails a network, its data or its training: ``diagnose`` and the callback ``Doctor``."""

from .doctor import Doctor, diagnose
from .findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Doctor", "Finding", "diagnose"]
