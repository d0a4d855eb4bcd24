"""Golden values: computed once by Keras, stored here, compared without Keras."""
