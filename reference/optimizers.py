"""Optimizers: how the gradients change the variables. From the simplest rule to the more involved.

Every update takes lists, one array per variable of the model, and walks over them together:

    variables       w     what the model learns; written in place
    gradients       g     of the loss for each variable, of the same shape; only read
    everything else       the state of the rule (momentum, average of squares); written in place

The trailing underscore says "in place". The arrays of one variable share its shape and dtype,
float32 or float64; the shapes themselves are free, since every rule works element by element.
Lists of different lengths raise ValueError. Hyper-parameters are Python floats; step counts from 1.
In the equations products and powers are element by element, and each line uses the values that the
lines above it have left.

Rules that look at a variable as a whole have a file of their own, layerwise.py. The second half
here is what can be done to gradients before an update, and to variables around it.

Fast twins, by the same names: fastcore/optimizers.pyx.
"""

import math

import numpy as np


def sgd_update_(variables, gradients, learning_rate):
    """Stochastic gradient descent (SGD): a small step downhill.

        w = w - learning_rate g

    Source: Robbins and Monro 1951; Goodfellow, Bengio and Courville 2016, algorithm 8.1.
    """
    for w, g in zip(variables, gradients, strict=True):
        w -= learning_rate * g


def momentum_update_(variables, gradients, momentums, learning_rate, momentum, nesterov):
    """Gradient descent with momentum: gradients push a velocity m, friction slows it down.

        m = momentum m - learning_rate g                m, the velocity
        w = w + m                                       classical momentum
        w = w + momentum m - learning_rate g            Nesterov momentum

    Nesterov's form takes the gradient where the velocity is about to lead. Here w is that place
    already, so that the gradient needs no second forward pass. momentum is in [0, 1].
    Source: Polyak 1964; Sutskever et al. 2013, section 2; Bengio et al. 2013, eq. 7, for Nesterov.
    """
    for w, g, m in zip(variables, gradients, momentums, strict=True):
        m[...] = momentum * m - learning_rate * g
        if nesterov:
            w += momentum * m - learning_rate * g
        else:
            w += m


def adagrad_update_(variables, gradients, accumulators, learning_rate, epsilon):
    """Adagrad: each weight has its own step, smaller the more its gradients have added up.

        a = a + g^2                                     a, the accumulator
        w = w - learning_rate g / sqrt(a + epsilon)

    The accumulators usually start at 0.1.
    Source: Duchi, Hazan and Singer 2011, section 1.1, the diagonal form.
    """
    for w, g, a in zip(variables, gradients, accumulators, strict=True):
        a += g**2
        w -= learning_rate * g / np.sqrt(a + epsilon)


def rmsprop_update_(
    variables, gradients, velocities, average_gradients, momentums,
    learning_rate, rho, momentum, epsilon,
):  # fmt: skip
    """RMSprop: Adagrad that forgets. The step is divided by the root of the mean square of g.

        v = rho v + (1 - rho) g^2                       v, the moving average of g^2
        a = rho a + (1 - rho) g                         that of g, if centered; else a = 0
        d = learning_rate g / sqrt(v - a^2 + epsilon)   v - a^2: the variance of the gradient
        m = momentum m + d                              with momentum, else m = d
        w = w - m

    average_gradients is None unless centered; momentums is None without momentum.
    Source: Tieleman and Hinton 2012, lecture 6.5; Graves 2013, eq. 38-45, centered with momentum.
    """
    averages = [None] * len(variables) if average_gradients is None else average_gradients
    momentums = [None] * len(variables) if momentums is None else momentums
    for w, g, v, a, m in zip(variables, gradients, velocities, averages, momentums, strict=True):
        v[...] = rho * v + (1 - rho) * g**2
        spread = v + epsilon
        if a is not None:
            a[...] = rho * a + (1 - rho) * g
            spread = v - a**2 + epsilon
        d = learning_rate * g / np.sqrt(spread)
        if m is not None:
            m[...] = momentum * m + d
            d = m
        w -= d


def adadelta_update_(
    variables, gradients, accumulated_gradients, accumulated_deltas, learning_rate, rho, epsilon
):
    """Adadelta: the length of a step is learnt from the steps before it.

        a = rho a + (1 - rho) g^2                       the moving average of g^2
        d = g sqrt(u + epsilon) / sqrt(a + epsilon)
        u = rho u + (1 - rho) d^2                       the moving average of d^2
        w = w - learning_rate d

    a are the accumulated_gradients, u the accumulated_deltas. The paper has learning_rate 1.
    Source: Zeiler 2012, algorithm 1.
    """
    for w, g, a, u in zip(
        variables, gradients, accumulated_gradients, accumulated_deltas, strict=True
    ):
        a[...] = rho * a + (1 - rho) * g**2
        d = g * np.sqrt(u + epsilon) / np.sqrt(a + epsilon)
        u[...] = rho * u + (1 - rho) * d**2
        w -= learning_rate * d


def adam_update_(
    variables, gradients, momentums, velocities, velocity_hats,
    step, learning_rate, beta_1, beta_2, epsilon,
):  # fmt: skip
    """Adam, adaptive moment estimation: momentum over RMSprop.

        m = beta_1 m + (1 - beta_1) g                   first moment: a moving average of g
        v = beta_2 v + (1 - beta_2) g^2                 second moment: that of g^2
        h = max(h, v)                                   amsgrad, else h = v
        alpha = learning_rate sqrt(1 - beta_2^step) / (1 - beta_1^step)         bias correction
        w = w - alpha m / (sqrt(h) + epsilon)

    m and v start at zero, which the bias correction undoes: m / (1 - beta_1^step) in the place of
    m, and v / (1 - beta_2^step) in that of v, here as one factor of the learning rate. epsilon is
    the "epsilon hat" of the paper, added after it. velocity_hats, h above, is None unless amsgrad.
    Source: Kingma and Ba 2015, algorithm 1, in the form of the end of section 2; Reddi, Kale and
    Kumar 2018, algorithm 2, for amsgrad.
    """
    alpha = learning_rate * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)  # bias correction
    hats = [None] * len(variables) if velocity_hats is None else velocity_hats
    for w, g, m, v, h in zip(variables, gradients, momentums, velocities, hats, strict=True):
        m[...] = beta_1 * m + (1 - beta_1) * g
        v[...] = beta_2 * v + (1 - beta_2) * g**2
        if h is not None:
            h[...] = np.maximum(h, v)
            v = h
        w -= alpha * m / (np.sqrt(v) + epsilon)


def adamax_update_(
    variables, gradients, momentums, norms, step, learning_rate, beta_1, beta_2, epsilon
):
    """Adamax: Adam with the largest |g| of late, u, where Adam has the root mean square.

        m = beta_1 m + (1 - beta_1) g                   first moment
        u = max(beta_2 u, |g|)                          infinity norm, weighted
        w = w - learning_rate / (1 - beta_1^step) m / (u + epsilon)

    Source: Kingma and Ba 2015, algorithm 2.
    """
    alpha = learning_rate / (1 - beta_1**step)
    for w, g, m, u in zip(variables, gradients, momentums, norms, strict=True):
        m[...] = beta_1 * m + (1 - beta_1) * g
        u[...] = np.maximum(beta_2 * u, np.abs(g))
        w -= alpha * m / (u + epsilon)


def nadam_update_(
    variables, gradients, momentums, velocities,
    step, mu_product, learning_rate, beta_1, beta_2, epsilon,
):  # fmt: skip
    """Nadam: Adam with Nesterov's momentum, on a schedule mu that warms the momentum up.

        mu_t = beta_1 (1 - 0.96^t / 2)                  t = step
        m = beta_1 m + (1 - beta_1) g
        v = beta_2 v + (1 - beta_2) g^2
        m_hat = mu_(t+1) m / (1 - mu_1 ... mu_(t+1)) + (1 - mu_t) g / (1 - mu_1 ... mu_t)
        v_hat = v / (1 - beta_2^t)
        w = w - learning_rate m_hat / (sqrt(v_hat) + epsilon)

    mu_product is mu_1 ... mu_(t-1), a float: 1.0 at the first step.
    Returns mu_1 ... mu_t, to be handed in at the next step.
    Source: Dozat 2016, algorithm 2, with the schedule of its section 3.2.
    """
    mu = beta_1 * (1 - 0.5 * 0.96**step)
    mu_next = beta_1 * (1 - 0.5 * 0.96 ** (step + 1))
    mu_product = mu_product * mu
    for_momentum = mu_next / (1 - mu_product * mu_next)
    for_gradient = (1 - mu) / (1 - mu_product)
    for w, g, m, v in zip(variables, gradients, momentums, velocities, strict=True):
        m[...] = beta_1 * m + (1 - beta_1) * g
        v[...] = beta_2 * v + (1 - beta_2) * g**2
        m_hat = for_momentum * m + for_gradient * g
        v_hat = v / (1 - beta_2**step)
        w -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return mu_product


def ftrl_update_(
    variables, gradients, accumulators, linears, learning_rate, learning_rate_power,
    l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength,
    beta,
):  # fmt: skip
    """Follow the regularized leader: w minimizes all the linearized losses so far and L1, L2.

        p = -learning_rate_power
        n = n_old + g^2
        z = z + g + 2 l2_shrinkage w - (n^p - n_old^p) / learning_rate w
        w = (clip(z, -l1, l1) - z) / ((beta + n^p) / learning_rate + 2 l2)

    n are the accumulators, z the linears, w on the right the old one. A weight whose |z| stays
    within l1 is exactly zero. learning_rate_power is -0.5 in the paper, and its lambda_2 is 2 l2
    here. l2_shrinkage adds its gradient to z, not to n.
    Source: McMahan et al. 2013, algorithm 1.
    """
    l1, l2 = l1_regularization_strength, l2_regularization_strength
    shrinkage = l2_shrinkage_regularization_strength
    for w, g, n, z in zip(variables, gradients, accumulators, linears, strict=True):
        old_power = n**-learning_rate_power
        n += g**2
        power = n**-learning_rate_power
        z += g + 2 * shrinkage * w - (power - old_power) / learning_rate * w
        w[...] = (np.clip(z, -l1, l1) - z) / ((beta + power) / learning_rate + 2 * l2)


def lion_update_(variables, gradients, momentums, learning_rate, beta_1, beta_2):
    """Lion: every weight moves by the same length; gradient and momentum only decide the direction.

        w = w - learning_rate sign(beta_1 m + (1 - beta_1) g)
        m = beta_2 m + (1 - beta_2) g

    sign(0) = 0. The step mixes with beta_1, the memory with beta_2.
    Source: Chen et al. 2023, algorithm 2, weight decay apart.
    """
    for w, g, m in zip(variables, gradients, momentums, strict=True):
        w -= learning_rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m[...] = beta_2 * m + (1 - beta_2) * g


def schedule_free_adamw_update_(
    variables, gradients, momentums, velocities,
    step, learning_rate, beta_1, beta_2, epsilon,
):  # fmt: skip
    """Schedule-free Adam: an average over all steps in the place of a falling learning rate.

        v = beta_2 v + (1 - beta_2) g^2                 second moment
        d = sqrt(v / (1 - beta_2^step)) + epsilon
        x = (w - (1 - beta_1) z) / beta_1               the average so far, found again
        z = z - learning_rate g / d                     where gradient descent is
        x = (1 - 1 / step) x + z / step                 the average of all z
        w = (1 - beta_1) z + beta_1 x                   between them the gradient is taken

    z are the momentums, which begin as the variables themselves. beta_1 is above 0.
    Source: Defazio et al. 2024, algorithm 1, weight decay and warm-up apart.
    """
    for w, g, z, v in zip(variables, gradients, momentums, velocities, strict=True):
        v[...] = beta_2 * v + (1 - beta_2) * g**2
        d = np.sqrt(v / (1 - beta_2**step)) + epsilon
        x = (w - (1 - beta_1) * z) / beta_1
        z -= learning_rate * g / d
        x = (1 - 1 / step) * x + z / step
        w[...] = (1 - beta_1) * z + beta_1 * x


# What goes on around an update.


def decay_weights_(variables, learning_rate, weight_decay):
    """Decoupled weight decay: every weight shrinks a little, whatever its gradient.

        w = w - learning_rate weight_decay w

    Source: Loshchilov and Hutter 2019, algorithm 2, line 12.
    """
    for w in variables:
        w -= learning_rate * weight_decay * w


def clip_by_value_(clipped, gradients, limit):
    """Gradient clipping by value: every element is brought into [-limit, limit]. NaN stays NaN.

        c = min(max(g, -limit), limit)

    c are arrays of the same shapes, which are written. Source: Mikolov 2012, section 3.2.2.
    """
    for c, g in zip(clipped, gradients, strict=True):
        c[...] = np.clip(g, -limit, limit)


def clip_by_norm_(clipped, gradients, limit):
    """Gradient clipping by norm: each variable's gradient alone is shortened to the length limit.

        c = g limit / max(||g||, limit)                 ||g|| = sqrt(sum g^2)

    c are arrays of the same shapes, which are written. The norm is summed in float64.
    Source: Pascanu, Mikolov and Bengio 2013, algorithm 1.
    """
    for c, g in zip(clipped, gradients, strict=True):
        c[...] = g * (limit / max(_norm([g]), limit))


def clip_by_global_norm_(clipped, gradients, limit):
    """Gradient clipping by global norm: all are shortened by one factor, as a single vector.

        c = g limit / max(||all g||, limit)             ||all g|| = sqrt(sum of all g^2)

    Unlike clip_by_norm_ this keeps the direction of the step. If the norm is infinite or NaN, so
    that there is no direction, every c is NaN. c are arrays of the same shapes, which are written.
    The norm is summed in float64. Source: Pascanu, Mikolov and Bengio 2013, algorithm 1.
    """
    norm = _norm(gradients)
    factor = limit / max(norm, limit) if math.isfinite(norm) else math.nan
    for c, g in zip(clipped, gradients, strict=True):
        c[...] = g * factor


def average_(averages, variables, momentum):
    """Exponential moving average (EMA) of the variables, which are only read.

        a = momentum a + (1 - momentum) w

    Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, section 2, for this form.
    """
    for a, w in zip(averages, variables, strict=True):
        a[...] = momentum * a + (1 - momentum) * w


def accumulate_(accumulators, gradients):
    """Gradient accumulation: those of several small batches are added up.

    a = a + g
    """
    for a, g in zip(accumulators, gradients, strict=True):
        a += g


def divide_(quotients, gradients, divisor):
    """Gradients divided by a number: a sum made a mean, or a scaled loss undone.

        q = g / divisor

    q are arrays of the same shapes, which are written.
    """
    for q, g in zip(quotients, gradients, strict=True):
        q[...] = g / divisor


def _norm(arrays):
    """The Euclidean length of all the arrays as one vector, summed in float64."""
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays))
