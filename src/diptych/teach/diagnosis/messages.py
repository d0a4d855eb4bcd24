"""The one table of what a diagnosis says, in English and in Chinese.

In the order in which findings are shown: what is wrong with the data comes first, then what is
wrong with the network, then how the training went. Names in braces are those of the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """An ailment's texts: title, evidence, reason and remedy, and the tutorial that treats it."""

    tutorial: str
    en: dict[str, str]
    zh: dict[str, str]


def _message(tutorial: str, en: tuple[str, ...], zh: tuple[str, ...]) -> Message:
    parts = ("title", "evidence", "reason", "remedy")
    return Message(tutorial, dict(zip(parts, en, strict=True)), dict(zip(parts, zh, strict=True)))


# Words around the findings.
WORDS = {
    "en": {
        "colon": ": ",
        "evidence": "evidence",
        "reason": "reason",
        "remedy": "remedy",
        "tutorial": "tutorial",
        "comma": ", ",
        "more": "and {count} more",
        "after": "after epoch {epoch}",
        "one": "1 finding",
        "many": "{count} findings",
        "nothing": "No finding: none of {count} ailments was seen.",
    },
    "zh": {
        "colon": "：",
        "evidence": "证据",
        "reason": "原因",
        "remedy": "办法",
        "tutorial": "教程",
        "comma": "、",
        "more": "另有 {count} 个",
        "after": "第 {epoch} 轮之后",
        "one": "发现 1 个问题",
        "many": "发现 {count} 个问题",
        "nothing": "没有发现问题：{count} 种常见问题都没有出现。",
    },
}

# Pieces of evidence that are words.
PHRASES = {
    "en": {
        "never": "It cannot recover: nothing before it learns, so its input stays as it is.",
        "blocked": "It cannot recover: the layers before it get no gradient through it either.",
        "maybe": "It recovers only if the layers before it move its input.",
        "x": "x",
        "y": "y",
        "before training": "before training",
        "now": "now",
        "unknown": "?",
        "the loss": "the loss",
    },
    "zh": {
        "never": "它们无法恢复：前面没有可训练的权重，得到的输入不会改变。",
        "blocked": "它们无法恢复：前面的层也得不到任何梯度。",
        "maybe": "只有前面的层改变了它们的输入，它们才可能恢复。",
        "x": "x",
        "y": "y",
        "before training": "训练之前",
        "now": "这次检查时",
        "unknown": "？",
        "the loss": "损失函数",
    },
}

# The tutorials that are there in Chinese.
IN_CHINESE = ("01_one_neuron", "02_stuck_and_gate")

MESSAGES = {
    "nan_in_data": _message(
        "06_loss_optimizer_metric",
        (
            "The data hold NaN or infinity",
            "{count} numbers of {part} are not finite, the first in row {row}.",
            "Whatever is computed with them is NaN, the loss too, and after one update every "
            "weight.",
            "Remove these rows or fill them in: np.isfinite finds them.",
        ),
        (
            "数据里有 NaN 或无穷大",
            "{part} 中有 {count} 个数不是有限数，第一个在 {part}[{row}]。",
            "凡是用到它们的计算结果都是 NaN，损失也是；更新一次之后，所有权重都会变成 NaN。",
            "删除这些行，或者补上合理的值；用 np.isfinite 可以找到它们。",
        ),
    ),
    "unscaled_inputs": _message(
        "05_activations_and_first_weights",
        (
            "The inputs are not scaled",
            "What goes into the first weights has a root mean square of {size}; the standard "
            "deviations of its features go from {smallest} to {largest}.",
            "First weights are drawn for inputs of about 1. With larger ones the units saturate "
            "or the steps overshoot, and a feature a thousand times smaller is hardly seen.",
            "Subtract the mean and divide by the standard deviation (layers.Normalization, "
            "adapted to x), or divide images by 255 (layers.Rescaling(1 / 255)).",
        ),
        (
            "输入没有缩放",
            "进入第一组权重的数，均方根是 {size}；各特征的标准差从 {smallest} 到 {largest}。",
            "初始权重是按输入大小约为 1 来抽取的。输入太大，单元会饱和，或者步子迈得过大；小一千倍"
            "的特征则几乎不起作用。",
            "减去均值、再除以标准差（layers.Normalization，先对 x 调用 adapt），图像则除以 255（"
            "layers.Rescaling(1 / 255)）。",
        ),
    ),
    "sorted_labels": _message(
        "07_what_validation_is_for",
        (
            "The labels were sorted before rows were split off",
            "Training has the classes {trained}, the validation {validated}.",
            "validation_split takes the last rows, before any shuffling. Where the rows are "
            "sorted by class, these are other classes than those that are trained on.",
            "Shuffle x and y together before fit: order = np.random.permutation(len(x)); x, y = "
            "x[order], y[order].",
        ),
        (
            "划分验证集之前，标签是排好序的",
            "训练集的类别是 {trained}，验证集的类别是 {validated}。",
            "validation_split 在打乱之前取走最后的若干行。如果各行按类别排序，验证集里的类别就和训"
            "练集不一样。",
            "在 fit 之前把 x 和 y 一起打乱：order = np.random.permutation(len(x)); x, y = "
            "x[order], y[order]",
        ),
    ),
    "validation_repeats_training": _message(
        "07_what_validation_is_for",
        (
            "The validation rows are training rows",
            "{count} of {rows} validation rows looked at are among the training rows too.",
            "The network has seen them, so the validation does not say how it does on new data.",
            "Validate on rows that occur nowhere in training; with few different rows there is "
            "nothing to validate.",
        ),
        (
            "验证集里的行也在训练集里",
            "查看了 {rows} 行验证数据，其中 {count} 行在训练集里也有。",
            "网络已经见过它们，所以验证结果不能说明它在新数据上表现如何。",
            "用训练中从未出现过的行来验证；如果不同的行本来就很少，那就没有什么可验证的。",
        ),
    ),
    "batches_of_one_class": _message(
        "08_batches",
        (
            "Batches hold one class, and are not shuffled",
            "{pure} of {batches} batches have labels of one class only; shuffle is off, or the "
            "data come as batches.",
            "Each update then pulls the network towards the class of its batch, and the next one "
            "pulls it back: it forgets what it learned last.",
            "Leave shuffle=True in fit, or shuffle the rows before they are put into batches.",
        ),
        (
            "一个批里只有一个类别，而且没有打乱",
            "{batches} 个批中有 {pure} 个只含一个类别；shuffle 关闭了，或者数据本来就是成批给的。",
            "每次更新都把网络拉向这一批的类别，下一次又拉回去：网络会忘掉刚学到的东西。",
            "在 fit 里保留 shuffle=True，或者在分成批之前先打乱各行。",
        ),
    ),
    "targets_no_distribution": _message(
        "06_loss_optimizer_metric",
        (
            "The targets are no probabilities",
            "The rows of y sum to {smallest} up to {largest} instead of 1; knowing nothing costs "
            "{base} then.",
            "Categorical cross-entropy compares two distributions. Its loss cannot come near 0 "
            "with such targets, and says nothing by its size.",
            "One class a row: utils.to_categorical(classes). Several at once: Dense(K, 'sigmoid') "
            "with 'binary_crossentropy'.",
        ),
        (
            "目标值不是概率",
            "y 各行之和从 {smallest} 到 {largest}，而不是 1；这时，只给固定答案的损失是 {base}。",
            "分类交叉熵比较的是两个概率分布。用这样的目标，损失不可能接近 0，它的大小也没有意义。",
            "每行只属于一类：utils.to_categorical(classes)。每行可属于多类：Dense(K, 'sigmoid') 加"
            " 'binary_crossentropy'。",
        ),
    ),
    "softmax_of_one": _message(
        "01_one_neuron",
        (
            "A softmax over a single unit",
            "The output has 1 unit and ends in softmax: it is {low} to {high} for every row.",
            "A softmax divides by the sum over the units. With one unit it is always 1, whatever "
            "the weights, and its gradient is 0.",
            "For two classes end in Dense(1, activation='sigmoid') with 'binary_crossentropy'.",
        ),
        (
            "只有一个单元的 softmax",
            "输出只有 1 个单元，最后是 softmax：每一行的输出都在 {low} 到 {high} 之间。",
            "softmax 要除以各单元之和。只有一个单元时，不管权重是多少，结果总是 1，梯度是 0。",
            "两类问题用 Dense(1, activation='sigmoid') 结尾，损失用 'binary_crossentropy'。",
        ),
    ),
    "wrong_last_activation": _message(
        "06_loss_optimizer_metric",
        (
            "The last activation does not fit the loss",
            "{loss} wants probabilities, but the outputs, made by {last}, go from {low} to "
            "{high}, and those of a row sum to {sum} on average.",
            "The loss takes the logarithm of a probability: what is no probability is cut off or "
            "rescaled, and its gradient is wrong or 0.",
            "One of several classes: end in softmax. Yes or no: end in sigmoid, with "
            "'binary_crossentropy'. Or leave the output linear and pass from_logits=True to the "
            "loss.",
        ),
        (
            "最后的激活函数与损失不匹配",
            "{loss} 需要概率，但输出（由 {last} 得到）从 {low} 到 {high}，每行之和平均为 {sum}。",
            "这个损失要对概率取对数：不是概率的数会被截断或重新缩放，梯度就错了，或者为 0。",
            "多类选一：以 softmax 结尾。二分类：以 sigmoid 结尾，损失用 'binary_crossentropy'。也"
            "可以让输出保持线性，并给损失传入 from_logits=True。",
        ),
    ),
    "probabilities_as_logits": _message(
        "06_loss_optimizer_metric",
        (
            "Probabilities are taken for logits",
            "The model ends in {last}, and {loss} has from_logits=True: the outputs, {low} to "
            "{high}, are squashed once more.",
            "Squashed twice, a probability can never come near 0 or 1: the loss stays above "
            "{floor}.",
            "Either a linear last layer with from_logits=True, or {last} without it; not both.",
        ),
        (
            "概率被当成了 logits",
            "模型以 {last} 结尾，而 {loss} 设了 from_logits=True：输出（{low} 到 {high}）又被压缩"
            "了一次。",
            "压缩两次之后，概率永远无法接近 0 或 1：损失总是高于 {floor}。",
            "要么最后一层保持线性并用 from_logits=True，要么用 {last} 而不设它；两者只取其一。",
        ),
    ),
    "labels_out_of_reach": _message(
        "06_loss_optimizer_metric",
        (
            "The labels are out of the output's reach",
            "{share} % of the labels, which go from {low} to {high}, lie outside of what {last} "
            "can give, {least} to {most}.",
            "The last activation bounds the output, so the error on these rows cannot become 0.",
            "For yes and no, make the labels 0 and 1. End a regression in a linear layer, without "
            "an activation; or scale the labels into the range.",
        ),
        (
            "标签超出了输出的范围",
            "标签从 {low} 到 {high}，其中 {share} % 超出了 {last} 能给出的范围（{least} 到 {most}"
            "）。",
            "最后的激活函数限制了输出，所以这些行上的误差不可能变成 0。",
            "二分类的标签要用 0 和 1。回归问题的最后一层应当是线性的，不加激活函数；或者把标签缩放"
            "到这个范围之内。",
        ),
    ),
    "unscaled_labels": _message(
        "06_loss_optimizer_metric",
        (
            "The labels are not scaled",
            "The labels go from {low} to {high}, with a root mean square of {size}. The loss is "
            "{loss}; the best constant answer costs {base}.",
            "The first outputs are about 1 or smaller, so the weights have a long way to go "
            "before the output is as large as the labels, and squared errors of this size make "
            "large gradients.",
            "Scale them: y = (y - y.mean()) / y.std(), and turn predictions back with * y.std() + "
            "y.mean(). Or start there: a bias_initializer of y.mean() in the last layer.",
        ),
        (
            "标签没有缩放",
            "标签从 {low} 到 {high}，均方根是 {size}。损失是 {loss}；最好的固定答案，损失是 {base}"
            "。",
            "一开始的输出大约是 1 或更小，权重要走很长的路，输出才能和标签一样大；这样大的误差平方"
            "还会产生很大的梯度。",
            "缩放标签：y = (y - y.mean()) / y.std()，预测之后再乘以 y.std()、加上 y.mean()。或者让"
            "最后一层的偏置从 y.mean() 开始（bias_initializer）。",
        ),
    ),
    "not_finite": _message(
        "06_loss_optimizer_metric",
        (
            "Numbers became NaN or infinite",
            "First in epoch {epoch}, batch {batch}: {operation} in {layer}. The loss before: "
            "{loss}; the largest weight: {weight}; the length of the gradient: {gradient}.",
            "From there it spreads: one such number in a gradient makes every weight NaN with the "
            "next update. Usually the steps were too large, or a log, a root or a division met 0.",
            "See the other findings first. Else try a tenth of the learning rate, or clipnorm=1.0 "
            "in the optimizer; look for log, sqrt and / in functions of your own, and scale the "
            "inputs.",
        ),
        (
            "出现了 NaN 或无穷大",
            "首次出现：第 {epoch} 轮、第 {batch} 批，在“{layer}”里，运算是 {operation}。之前的损失"
            "：{loss}；最大的权重：{weight}；梯度的范数：{gradient}。",
            "它会从那里扩散：梯度里只要有一个这样的数，下一次更新就会使所有权重变成 NaN。多半是步"
            "子太大，或者 log、开方、除法碰到了 0。",
            "先解决报告里的其他问题；如果没有，就把学习率降到十分之一，或者在优化器里设 "
            "clipnorm=1.0；检查自己写的函数里的 log、sqrt 和除法，并缩放输入。",
        ),
    ),
    "identical_units": _message(
        "05_activations_and_first_weights",
        (
            "All units of a layer are the same",
            "The {units} units of the layer have equal weights, to {difference}.",
            "Equal units get equal gradients, so they stay equal for ever: the layer works like "
            "one with a single unit.",
            "Start from random weights: leave kernel_initializer at its default, not 'zeros' or "
            "'ones'.",
        ),
        (
            "一层里的单元全都一样",
            "这一层的 {units} 个单元权重相等，相差最多 {difference}。",
            "相等的单元得到相等的梯度，所以永远相等：整层的作用只相当于一个单元。",
            "从随机权重开始：kernel_initializer 保持默认值，不要用 'zeros' 或 'ones'。",
        ),
    ),
    "dead_units": _message(
        "02_stuck_and_gate",
        (
            "Dead units",
            "{count} of {units} relu units are 0 on all {rows} rows looked at: {dead}. Their "
            "largest pre-activation is {largest}; the largest gradient of the loss by it is "
            "{slope}, and by their weights {gradient}. First seen dead: {since}. {recover}",
            "Below 0 relu is flat, so the gradient is exactly 0 and the weights are not changed: "
            "the unit is off for every input and learns nothing.",
            "LeakyReLU or tanh instead of relu, or more units: each cured 100 of 100 AND gates in "
            "the tutorial. A positive first bias (bias_initializer=initializers.Constant(0.5)) "
            "cured fewer, 82; another seed does by luck, 57. A lower learning rate if they died in "
            "training.",
        ),
        (
            "死掉的单元",
            "{units} 个 relu 单元中有 {count} 个在查看的全部 {rows} 行上都是 0，编号是 {dead}。它们"
            "激活之前的值最大是 {largest}；损失对这个值的梯度最大是 {slope}，对它们权重的梯度最大是"
            " {gradient}。最早发现死掉是在{since}。{recover}",
            "relu 在 0 以下是平的，所以梯度恰好等于 0，权重不再改变：不管输入什么，这个单元都不工"
            "作，也学不到东西。",
            "把 relu 换成 LeakyReLU 或 tanh，或者多用几个单元：在教程里，这三种做法都使 100 次与门"
            "训练全部成功。只能算半个办法：给一个正的初始偏置（"
            "bias_initializer=initializers.Constant(0.5)），100 次中成功 82 次。靠运气：换一个随机"
            "种子，57 次。如果是在训练中死掉的，就降低学习率。",
        ),
    ),
    "blind_rows": _message(
        "02_stuck_and_gate",
        (
            "A layer is blind to some inputs",
            "On {count} of {rows} rows looked at all relu units of the layer are 0, though these "
            "rows have {labels} different labels. Their largest pre-activation is {largest}; the "
            "largest gradient that they give to it is {slope}.",
            "The layer gives one and the same output for all these rows, so nothing behind it can "
            "tell them apart; and where all units are off, the gradient is exactly 0, so these "
            "rows change nothing before it.",
            "LeakyReLU or tanh instead of relu, or more units, so that some unit is on for every "
            "input. Another seed helps by luck alone.",
        ),
        (
            "有一层看不见某些输入",
            "在查看的 {rows} 行中，有 {count} 行使这一层的 relu 单元全部为 0，而这些行有 {labels} "
            "种不同的标签。激活之前的值最大是 {largest}；这些行给它的梯度最大是 {slope}。",
            "对所有这些行，这一层给出同样的输出，后面的层无法区分它们；所有单元都关闭时，梯度恰好"
            "等于 0，所以这些行不会改变前面的任何权重。",
            "把 relu 换成 LeakyReLU 或 tanh，或者多用几个单元，使每个输入都至少有一个单元工作。换一"
            "个随机种子只是靠运气。",
        ),
    ),
    "saturated_units": _message(
        "05_activations_and_first_weights",
        (
            "Saturated units",
            "{share} % of the {kind} values are in the flat ends, where the slope is below 1 % of "
            "its largest; pre-activations reach {largest}.",
            "The gradient is multiplied by the slope: in the flat ends hardly anything of it is "
            "left, for this layer and all before it.",
            "Scale the inputs, take smaller first weights (glorot_uniform), add "
            "BatchNormalization, or use relu.",
        ),
        (
            "饱和的单元",
            "{kind} 的值有 {share} % 落在平坦的两端，那里的斜率不到最大斜率的 1 %；激活之前的值达"
            "到 {largest}。",
            "梯度要乘上斜率：在平坦的两端几乎什么都不剩，对这一层和它前面所有的层都是如此。",
            "缩放输入，用小一些的初始权重（glorot_uniform），加上 BatchNormalization，或者改用 "
            "relu。",
        ),
    ),
    "vanishing_gradients": _message(
        "05_activations_and_first_weights",
        (
            "Gradients vanish towards the first layers",
            "From the last to the first of {depth} layers the length of the gradient falls from "
            "{last} to {first}, to a share of {ratio}: {norms}.",
            "Each layer multiplies the gradient by its weights and slopes; factors below 1, such "
            "as the slope of a sigmoid, at most 1/4, multiply up. The first layers hardly learn.",
            "relu with he_normal, BatchNormalization between the layers, skip connections "
            "(layers.Add), or fewer layers.",
        ),
        (
            "梯度在靠前的层里消失",
            "从 {depth} 层中的最后一层到第一层，梯度的范数从 {last} 降到 {first}，只有原来的 "
            "{ratio} 倍。从前往后依次是：{norms}。",
            "每一层都把梯度乘上自己的权重和斜率；小于 1 的因子（例如 sigmoid 的斜率最大只有 1/4）"
            "会连乘起来，靠前的层几乎学不到东西。",
            "用 relu 加 he_normal，在层之间加 BatchNormalization，用跳跃连接（layers.Add），或者减"
            "少层数。",
        ),
    ),
    "exploding_gradients": _message(
        "05_activations_and_first_weights",
        (
            "Gradients explode towards the first layers",
            "From the last to the first of {depth} layers the length of the gradient grows from "
            "{last} to {first}, by a factor of {ratio}: {norms}.",
            "Each layer multiplies the gradient by its weights; factors above 1 multiply up. A "
            "step that suits the last layer throws the first far away.",
            "Smaller first weights (glorot_uniform, he_normal), BatchNormalization, clipnorm=1.0 "
            "in the optimizer.",
        ),
        (
            "梯度在靠前的层里爆炸",
            "从 {depth} 层中的最后一层到第一层，梯度的范数从 {last} 增大到 {first}，是原来的 "
            "{ratio} 倍。从前往后依次是：{norms}。",
            "每一层都把梯度乘上自己的权重；大于 1 的因子会连乘起来。适合最后一层的步子，会把第一层"
            "甩得很远。",
            "用小一些的初始权重（glorot_uniform、he_normal），加 BatchNormalization，在优化器里设 "
            "clipnorm=1.0。",
        ),
    ),
    "learning_rate_too_high": _message(
        "06_loss_optimizer_metric",
        (
            "The learning rate is too high",
            "The learning rate is {rate}. In the last epochs the loss rose {rises} times, by {sum} "
            "in all; {steps} more updates take it from {before} to {after}; one update changes "
            "weights by up to {ratio} of their size. Knowing nothing costs {base}.",
            "A step goes beyond the valley and ends higher on the other side; from there the next "
            "one is larger still.",
            "Try a tenth of it: compile(optimizer=optimizers.{optimizer}(learning_rate={other})). "
            "Often more than one such step is needed. A healthy update changes a weight by about a "
            "thousandth of its size.",
        ),
        (
            "学习率太高",
            "学习率是 {rate}。在最后几轮里，损失上升了 {rises} 次，共 {sum}；再更新 {steps} 次，它"
            "从 {before} 变到 {after}；一次更新最多使权重改变其大小的 {ratio} 倍。只给固定答案的损"
            "失是 {base}。",
            "一步跨过了谷底，落在对面更高的地方；从那里出发的下一步还要更大。",
            "试试十分之一：compile(optimizer=optimizers.{optimizer}(learning_rate={other}))。往往要"
            "降几次才够。正常的一次更新大"
            "约使权重改变其大小的千分之一。",
        ),
    ),
    "learning_rate_too_low": _message(
        "06_loss_optimizer_metric",
        (
            "The learning rate is too low",
            "The learning rate is {rate}: {steps} updates take the loss from {before} to {after}; "
            "at {faster} times the rate to {better}. One update changes weights by at most {ratio} "
            "of their size.",
            "The direction is right, but the steps are so small that nothing is gained in the "
            "time.",
            "Try ten times the rate, optimizers.{optimizer}(learning_rate={other}), and ten times "
            "that again, until the loss falls from epoch to epoch.",
        ),
        (
            "学习率太低",
            "学习率是 {rate}：更新 {steps} 次，损失从 {before} 变到 {after}；学习率乘以 {faster} "
            "时，则变到 {better}。一次更新最多使权重改变其大小的 {ratio} 倍。",
            "方向是对的，但步子太小，在这么多次更新里几乎没有进展。",
            "把学习率乘以十：optimizers.{optimizer}(learning_rate={other})；不够就再乘以十，直到损"
            "失一轮一轮地下降。",
        ),
    ),
    "constant_output": _message(
        "02_stuck_and_gate",
        (
            "The output is the same for every input",
            "On {rows} different rows the output is {output}, and it changes by at most {spread}.",
            "Nothing of the input reaches the output: dead or saturated units are in between, or "
            "only the last bias has been learned.",
            "See the other findings first. Else look at the layers one by one with "
            "diptych.capture(model).",
        ),
        (
            "不管输入什么，输出都一样",
            "在 {rows} 行不同的输入上，输出都是 {output}，变化不超过 {spread}。",
            "输入的信息没有到达输出：中间有死掉或饱和的单元，或者只学到了最后的偏置。",
            "先解决报告里的其他问题；如果没有，就用 diptych.capture(model) 一层一层地看。",
        ),
    ),
    "stuck_at_base_rate": _message(
        "02_stuck_and_gate",
        (
            "The loss is stuck at the base rate",
            "The loss is {loss}; the best constant answer, which looks at no input, costs {base}.",
            "The network has learned how often each answer occurs, and nothing about the inputs.",
            "See the other findings first. Else check that the rows of x and y belong together, "
            "and that x says anything about y; then try a larger network.",
        ),
        (
            "损失停在不看输入也能达到的水平",
            "损失是 {loss}；完全不看输入、只给一个最好的固定答案，损失是 {base}。",
            "网络只学会了每种答案出现得有多频繁，没有学到关于输入的任何东西。",
            "先解决报告里的其他问题；如果没有，就检查 x 和 y 的各行是否对应，x 里是否含有关于 y 的"
            "信息；再试大一些的网络。",
        ),
    ),
    "overfitting": _message(
        "07_what_validation_is_for",
        (
            "Over-fitting",
            "Since epoch {epoch} the validation loss rises, from {best} to {now}, while the "
            "training loss falls, from {trained} to {trained_now}.",
            "From there on the network learns the training rows by heart, with their noise, "
            "instead of what they have in common with others.",
            "Stop there: EarlyStopping(patience=..., restore_best_weights=True). Or more data, "
            "Dropout, weight decay, a smaller network.",
        ),
        (
            "过拟合",
            "从第 {epoch} 轮起，验证损失上升（从 {best} 到 {now}），而训练损失下降（从 {trained} "
            "到 {trained_now}）。",
            "从那时起，网络在死记训练数据，连同其中的噪声，而不是学它们与其他数据的共同之处。",
            "在那里停下：EarlyStopping(patience=..., restore_best_weights=True)。或者用更多数据、"
            "Dropout、权重衰减、小一些的网络。",
        ),
    ),
}
