"""Model files: Keras's archive and HDF5 layouts, safetensors, and files replaced whole.

Reading runs no code and touches nothing but the file. Each stored array is compared with the
variable it is for, by shape and dtype, before a byte of it is read; all are read before the first
is put in its place.
"""
