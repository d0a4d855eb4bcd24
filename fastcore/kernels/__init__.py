"""What the twins in fastcore/ are made of. Nothing here has a twin in reference/.

a. The ground: arrays (NumPy arrays in and out), threads (the one door to OpenMP), plan (what went
   through the door, to be run again), steps (what a training step does besides), sums (of losses
   and metrics), gil (who holds it meanwhile), memory (what malloc keeps), cpu (what was built, and
   for which processor), work_areas.h.
b. Vector code: for_both_types.h (C headers as templates), panels.h (vectors, packed panels),
   restrict (rows that do not overlap), vector_math (exp, log, tanh and their kin), fused
   (activations applied where a result is made), activations, piecewise, elementwise (their driver).
c. The matrix product: gemm, with gemm_tile, its register tile.
d. Convolution: conv (what all are told), conv_walk (boxes of places, and what they read),
   direct_conv and conv_dkernel with conv_tile, winograd with winograd_tile and winograd_kernel.h,
   depthwise with depthwise_tile. pooling.
e. Recurrent layers: gates (a row of a step: the LSTM's input, forget and output gate, the GRU's
   update and reset gate, each above its gradient), recurrent_steps (a chunk through all the steps).
   Attention: attention_blocks (scaled dot products), attention_rows (softmax scores).
f. Rows and columns: loss_rows (losses), norm_rows and norm_columns with norm_tile (normalisation),
   indexed_slices (gradients of embedding tables).

A template x.h is declared once, in x.pxd, with a function for both types over each pair of its own.
"""
