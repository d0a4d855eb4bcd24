"""The category of warnings about a training that is likely to go wrong."""


class TrainingWarning(UserWarning):
    """What is odd about data, labels, loss or model, where training goes on all the same.

    Silence all such warnings with ``warnings.filterwarnings("ignore",
    category=diptych.utils.TrainingWarning)``.
    """


__all__ = ["TrainingWarning"]
