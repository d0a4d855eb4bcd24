"""What is said in Chinese: notes on old spellings, answers to slips, the demo, the command line.

`{}` stands for what is filled in, in the same order in both languages. (The findings of a diagnosis
have a table of their own, `teach/diagnosis/messages.py`.)
"""

from __future__ import annotations

import re
from functools import cache

NOTES = {
    "is now {}": "现在是 {}",
    "is now written {}": "现在写作 {}",
    "is now a text: reduction='sum'": "现在是一个字符串：reduction='sum'",
    "is now an argument of the call, `use_causal_mask`": (
        "现在是调用这个层时的参数 `use_causal_mask`"
    ),
    "is now part of {}": "现在是 {} 的一部分",
    "is now {} in front of the layer": "现在是放在这个层前面的 {}",
    "is now part of {} in front of the layer": "现在是放在这个层前面的 {} 的一部分",
    "is now layer.set_weights(...), once the layer is built": (
        "现在是 layer.set_weights(...)，在层建好之后调用"
    ),
    "is now {} (batches, not samples)": "现在是 {}（数的是批，不是样本）",
    "is now `model.predict(x).argmax(axis=-1)`, or `model.predict(x) > 0.5` for one output": (
        "现在是 `model.predict(x).argmax(axis=-1)`；只有一个输出时是 `model.predict(x) > 0.5`"
    ),
    "is now Add, Multiply, Concatenate, Average, Maximum or Dot, called on a list of tensors": (
        "现在是 Add、Multiply、Concatenate、Average、Maximum 或 Dot，用张量的列表来调用"
    ),
    "is now add, multiply, concatenate, average, maximum or dot": (
        "现在是 add、multiply、concatenate、average、maximum 或 dot"
    ),
    "is read as in Keras 3: kernel_size={} and strides={}; the window of {} by {} that it meant "
    "in Keras 1 is {}": (
        "按 Keras 3 理解：kernel_size={}，strides={}；它在 Keras 1 里指的 {} 乘 {} 的窗口是 {}"
    ),
    "takes the name by keyword, `name=...`": "的名字要按关键字传入：`name=...`",
    "is no longer a layer of Keras 3; diptych keeps it": (
        "在 Keras 3 里已经没有了；diptych 保留了它"
    ),
    "is no longer a layer of Keras: {}": "已经不是 Keras 的层了：{}",
    "is no longer a layer of Keras: `Maximum()` of several Dense layers": (
        "已经不是 Keras 的层了：对几个 Dense 层用 `Maximum()`"
    ),
    "is no longer a layer of Keras: `t = Dense(n, activation='sigmoid')(x)`, then `t * h + (1 - "
    "t) * x`": (
        "已经不是 Keras 的层了：先写 `t = Dense(n, activation='sigmoid')(x)`，再写 `t * h + (1 - "
        "t) * x`"
    ),
    "is no longer an argument, and has no effect": "已经不是参数了，不起作用",
    "is no longer an argument, and {} asks for nothing: leave it out": (
        "已经不是参数了，而且 {} 什么也不要求：去掉它"
    ),
    "is no longer an argument of Embedding: put SpatialDropout1D after it": (
        "已经不是 Embedding 的参数了：在它后面放一个 SpatialDropout1D"
    ),
    "is no longer an argument here: PyDataset has {}": "在这里已经不是参数了：PyDataset 有 {}",
    "is no longer an argument here: a PyDataset carries its own `workers`": (
        "在这里已经不是参数了：PyDataset 自己带有 `workers`"
    ),
    "is no longer an argument here: it is one of PyDataset": (
        "在这里已经不是参数了：它是 PyDataset 的参数"
    ),
    "is no longer an argument: compile(metrics=['accuracy'])": (
        "已经不是参数了：写 compile(metrics=['accuracy'])"
    ),
    "is no longer an argument: give `y` to fit": "已经不是参数了：把 `y` 交给 fit",
    "is no longer an argument: gradients are not written": "已经不是参数了：梯度不会被写入",
    "is no longer an argument: normalization is over the batch, feature by feature": (
        "已经不是参数了：归一化总是在整个批上、对每个特征分别进行"
    ),
    "is no longer an argument: the data of `fit` have batches of their own": (
        "已经不是参数了：`fit` 的数据有自己的批"
    ),
    "is no longer an argument: the schedule is the paper's": (
        "已经不是参数了：调度方式就是论文里的那一种"
    ),
    "is no longer needed: a PyDataset carries its own `workers`": (
        "已经不需要了：PyDataset 自己带有 `workers`"
    ),
    "is no longer needed: it follows from strides and padding": (
        "已经不需要了：由 strides 和 padding 就能推出"
    ),
    "is no longer needed: the loss says it": "已经不需要了：由损失函数就能知道",
    "is no longer needed: the shape of `sample_weight` says it": (
        "已经不需要了：由 `sample_weight` 的形状就能知道"
    ),
    "is no longer needed: there is one implementation": "已经不需要了：只有一种实现",
    "is no longer needed: values are computed at once": "已经不需要了：值会立即算出",
    "after compile(): the model still trains what it was compiled to train, as in Keras 1 and 2; "
    "Keras 3 trains nothing then": (
        "写在 compile() 之后：模型仍然训练编译时定下的那些权重，与 Keras 1 和 2 相同；Keras 3 这"
        "时什么也不训练"
    ),
}

SLIPS = {
    "{}, line {}: ": "{}，第 {} 行：",
    ".": "。",
    ":": "：",
    "`//` divides in Python; a comment begins with `#`": "`//` 在 Python 里是除法；注释以 `#` 开头",
    "a comment begins with `#` in Python": "Python 的注释以 `#` 开头",
    "`{}` is another library, not needed for diptych: delete the line": (
        "`{}` 是另一个库，diptych 用不着：删掉这一行"
    ),
    "`{}` is in keras.{}": "`{}` 在 keras.{} 里",
    "`{}` is not defined above this line": "`{}` 在这一行之前没有定义",
    "`{}` is not defined above this line: load or make the data first, such as": (
        "`{}` 在这一行之前没有定义：先加载或生成数据，例如"
    ),
    "`{}` is not defined; did you mean `{}`?": "`{}` 没有定义；你想写的是 `{}` 吗？",
    "`{}` is not imported; put this at the top of the script": ("`{}` 没有导入；在脚本开头加上"),
    "`{}` is not installed here; in a terminal": "这里没有安装 `{}`；在终端里运行",
    "`{}` is of Python 2; in Python 3 it is {}": "`{}` 是 Python 2 的写法；Python 3 里是 {}",
    "`{}` is written `{}` in Python": "`{}` 在 Python 里写作 `{}`",
    "`{}` is not defined above this line: keep the last rows of `{}` apart for it before `fit`, "
    "and those of the labels in the same way": (
        "`{}` 在这一行之前没有定义：在 `fit` 之前，从 `{}` 里留出最后几行给它，标签也同样处理"
    ),
    "this is no code: a text, or what was printed; delete it, or make it a comment": (
        "这一行不是代码，而是说明文字或程序的输出：删掉它，或改成注释"
    ),
    "a name that is handed over as text needs quotes, '{}'": "当作字符串传入的名字要加引号：'{}'",
    "did you mean `{}`?": "你想写的是 `{}` 吗？",
    "diptych has no `{}`": "diptych 里没有 `{}`",
    "diptych has no `{}`; there are {}": "diptych 里没有 `{}`；有的是 {}",
    "in Python 3 `/` gives a float; `//` gives a whole number": (
        "在 Python 3 里 `/` 得到小数；`//` 得到整数"
    ),
    "in Python 3 print is a function, and the file an argument": (
        "在 Python 3 里 print 是函数，文件是它的参数"
    ),
    "in Python 3 print is a function and needs parentheses": (
        "在 Python 3 里 print 是函数，要加括号"
    ),
    "in Python 3 this is a `{}`, not a list: put list(...) around it": (
        "在 Python 3 里这是 `{}`，不是列表：在外面套上 list(...)"
    ),
    "something that is no function is called here: is a variable named like one?": (
        "这里调用的不是函数：是不是有个变量与函数同名？"
    ),
    "this is a command of Jupyter: delete the line": "这是 Jupyter 的命令：删掉这一行",
    "a command of Jupyter, not of Python: delete it, or make it a comment": (
        "这是 Jupyter 的命令，不是 Python 的：删掉它，或改成注释"
    ),
    "Python has no `++`": "Python 没有 `++`",
    "Python has no `--`": "Python 没有 `--`",
    "`{}` is written `{}`": "`{}` 要写作 `{}`",
    "`<>` is of Python 2; it is `!=`": "`<>` 是 Python 2 的写法；现在是 `!=`",
    "`ur` is of Python 2": "`ur` 是 Python 2 的写法",
    "backticks are of Python 2; it is repr()": "反引号是 Python 2 的写法；现在是 repr()",
    "`==` is one word": "`==` 中间不能有空格",
    "`=` assigns; `==` compares": "`=` 是赋值；`==` 才是比较",
    "`{}` closes what was opened, not `{}`": "与前面的括号配对的是 `{}`，不是 `{}`",
    "`{}` is missing": "少了 `{}`",
    "there is a `{}` too many": "多了一个 `{}`",
    "a colon is missing at the end": "行尾少了冒号",
    "a colon stands at the end, not a semicolon": "行尾应该是冒号，不是分号",
    "a comma is missing": "少了逗号",
    "a quote is missing": "少了引号",
    "the quotes at both ends must be the same": "两端的引号必须相同",
    "a function begins with `def`": "函数以 `def` 开头",
    "a sign of another keyboard or of a word processor: {}": (
        "用了中文输入法或文字处理软件的符号：{}"
    ),
    "a space": "空格",
    "in Python 3 an octal number begins with `0o`": "在 Python 3 里八进制数以 `0o` 开头",
    "in Python 3 exec is a function": "在 Python 3 里 exec 是函数",
    "in Python 3 it is `as`": "在 Python 3 里用 `as`",
    "in Python 3 the message is an argument": "在 Python 3 里错误信息是参数",
    "in Python 3 whole numbers need no L": "在 Python 3 里整数不需要 L",
    "indented with a tab, where other lines have spaces: use 4 spaces, in all lines": (
        "这里用制表符缩进，而别的行用空格：所有的行都用 4 个空格"
    ),
    "it begins further right or left than the lines around it": "这一行的缩进与上下的行对不齐",
    "what belongs to the line above, which ends in a colon, is indented by 4 spaces": (
        "上一行以冒号结尾，属于它的行要缩进 4 个空格"
    ),
    "the prompt was copied too: delete it, in all lines": "把提示符也复制进来了：每一行都删掉它",
    "the rows of `{}` have another shape than the model takes; above this line": (
        "`{}` 每一行的形状与模型要的不同；在这一行之前加上"
    ),
    "in `{}` the channels come first, and in the model last; above this line": (
        "`{}` 的通道在前，而模型要的是通道在后；在这一行之前加上"
    ),
    "the model takes rows of the shape {}, `{}` has {}; begin the model with": (
        "模型要的每一行的形状是 {}，而 `{}` 的是 {}；让模型这样开头"
    ),
    "the loss wants a column for each class, `{}` has their numbers; above this line": (
        "这个损失要标签对每个类别有一列（one-hot），而 `{}` 里是类别的编号；在这一行之前加上"
    ),
    "the last layer has other units than `{}` has columns; before compile": (
        "最后一层的单元数与 `{}` 的列数不同；在 compile 之前加上"
    ),
    "{}: skipped, a cell for {}": "{}：已跳过，这是给 {} 的单元",
    "{}, line {}: skipped {}": "{}，第 {} 行：已跳过 {}",
    "  ... 1 line inside libraries (--full-traceback shows them)\n": (
        "  ... 库内部的 1 行（--full-traceback 可显示）\n"
    ),
    "  ... {} lines inside libraries (--full-traceback shows them)\n": (
        "  ... 库内部的 {} 行（--full-traceback 可显示）\n"
    ),
    "diptych run: there is no file {}": "diptych run：没有文件 {}",
}

DEMO = {
    "{} handwritten digits of 8 x 8 pixels to learn from, {} to be tested on.\nTwo networks "
    "learn them, each {} from seed {}, {} epochs:": (
        "{} 个 8 x 8 像素的手写数字用来学习，{} 个用来测试。\n两个网络学习它们，每个都{}训练，随"
        "机种子 {}，{} 轮："
    ),
    "on both engines, which take turns,": "在两个引擎上轮流",
    "on the reference engine": "在 reference 引擎上",
    "diptych was installed without its fast engine: there is nothing to compare.": (
        "安装 diptych 时没有带上 fast 引擎：没有什么可以比较。"
    ),
    "dense, 64-128-64-10": "全连接网络，64-128-64-10",
    "convolutional, 16 and 32 filters of 3 x 3": "卷积网络，16 个和 32 个 3 x 3 的卷积核",
    "\n{} ({} parameters)": "\n{}（{} 个参数）",
    "engine      seconds  test accuracy   loss, epoch by epoch (logarithmic)": (
        "引擎             秒     测试准确率   每一轮的损失（对数刻度）"
    ),
    "Largest difference of the loss curves {}, of the outputs for the test digits {};\n{} of the "
    "answers are the same. The fast engine was {} times as fast as the reference.": (
        "两条损失曲线最多相差 {}，对测试数字的输出最多相差 {}；\n两个引擎的答案有 {} 相同。"
        "fast 引擎的速度是 reference 引擎的 {} 倍。"
    ),
    "\nWith matplotlib installed this would also draw the curves and the worst mistakes.": (
        "\n如果装有 matplotlib，还会画出曲线和错得最厉害的数字。"
    ),
    "\nThe picture could not be written to {}: {}": "\n图写不进 {}：{}",
    "\nThe curves and the worst mistakes are drawn in {}": "\n曲线和错得最厉害的数字画在 {}",
}

COMMANDS = {
    "A neural network library with the Keras API and two engines.": (
        "一个神经网络库：接口与 Keras 相同，有两个引擎。"
    ),
    "train two networks on real digits, on both engines (the default)": (
        "用真实的手写数字，在两个引擎上训练两个网络（默认）"
    ),
    "passes over the training digits (default 12)": "训练多少轮（默认 12）",
    "of weights and shuffles (default 0)": "初始权重和打乱次序用的随机种子（默认 0）",
    "where the picture goes": "图存到哪里",
    "run a Keras script or notebook: diptych run script.py": (
        "运行一个 Keras 脚本或 notebook：diptych run script.py"
    ),
    "a function in both engines: diptych show conv2d_forward": (
        "并排显示一个函数在两个引擎里的源码：diptych show conv2d_forward"
    ),
    "versions, engine, instruction set, threads": "版本、引擎、指令集、线程",
    "{} needs a value": "{} 后面要有一个值",
    "there is no option {}": "没有选项 {}",
    "which script? Give its file, -m module or -c code": (
        "运行哪个脚本？请给出文件名、-m 模块或 -c 代码"
    ),
    "--engine {}: the engines are fast and reference": "--engine {}：引擎只有 fast 和 reference",
    "{} {}: expected a whole number of at least 1": "{} {}：应当是不小于 1 的整数",
    "--processes needs {}: pip install 'diptych[mpi]' mpich installs it": (
        "--processes 需要 {}：用 pip install 'diptych[mpi]' mpich 安装"
    ),
    """\
usage: diptych run [options] script.py [arguments]
       diptych run [options] notebook.ipynb [arguments]
       diptych run [options] -m module [arguments]
       diptych run [options] -c code [arguments]

Runs a Keras script on diptych: in this process `keras`, `tf.keras` and `import tensorflow as tf`
are diptych. The options may also stand after the script; what follows `--` is the script's own.

options:
  --engine fast|reference    the engine; by default the one that is set (DIPTYCH_ENGINE, or fast)
  --threads N                how many threads the fast engine may use
  --processes N              how many processes share the training (needs diptych[mpi])
  --full-traceback           show the library's lines in a traceback as well
  -h, --help                 this text
""": """\
用法：diptych run [选项] script.py [参数]
      diptych run [选项] notebook.ipynb [参数]
      diptych run [选项] -m 模块 [参数]
      diptych run [选项] -c 代码 [参数]

在 diptych 上运行一个 Keras 脚本：在这个进程里，`keras`、`tf.keras` 和 `import tensorflow as tf`
都是 diptych。选项也可以写在脚本后面；`--` 之后的内容留给脚本自己。

选项：
  --engine fast|reference    用哪个引擎；默认是设置好的那个（DIPTYCH_ENGINE，否则 fast）
  --threads N                fast 引擎最多用几个线程
  --processes N              几个进程分担训练（需要 diptych[mpi]）
  --full-traceback           在报错的追溯里也显示库内部的行
  -h, --help                 显示这段文字
""",
}

CHINESE = NOTES | SLIPS | DEMO | COMMANDS
# Between two pieces of code that are filled in together.
JOINTS = {"` for `": "` 应写作 `", "` or `": "` 或 `", "` and `": "` 和 `"}


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The phrases with something to fill in, those with most words of their own first."""
    open_ones = [(english, chinese) for english, chinese in CHINESE.items() if "{}" in english]
    open_ones.sort(key=lambda pair: -len(pair[0].replace("{}", "")))
    return [
        (re.compile("(.+?)".join(map(re.escape, english.split("{}"))), re.S), chinese)
        for english, chinese in open_ones
    ]


def in_chinese(text: str) -> str:
    """A phrase in Chinese; one that is not in the table is returned unchanged."""
    if text in CHINESE:
        return CHINESE[text]
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return chinese.format(*map(_filled, found.groups()))
    return text


def _filled(text: str) -> str:
    for english, chinese in JOINTS.items():
        text = text.replace(english, chinese)
    return CHINESE.get(text, text)
