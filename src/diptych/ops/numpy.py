"""The functions of ``ops`` that NumPy has too, under the names of ``keras.ops.numpy``.

``namespaces`` puts them here when the package ``ops`` is imported.
"""
