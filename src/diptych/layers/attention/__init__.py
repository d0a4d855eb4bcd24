"""Attention layers: each query attends to the values whose keys resemble it."""

from .multi_head import GroupQueryAttention, MultiHeadAttention
from .scores import AdditiveAttention, Attention

__all__ = ["AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"]
