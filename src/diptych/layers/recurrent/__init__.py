"""Recurrent layers and their cells, and the layers around a layer."""

from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from .layers import GRU, LSTM, SimpleRNN
from .rnn import RNN
from .wrappers import Bidirectional, TimeDistributed, TimeDistributedDense

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
    "TimeDistributedDense",
]
