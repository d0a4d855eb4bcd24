/* The activations that are applied where a result is made: see fused.pxd. */

#ifndef DIPTYCH_ACTIVATION_CODES
#define DIPTYCH_ACTIVATION_CODES

enum { LINEAR, RELU, TANH, SIGMOID };

#endif
