"""Answers to the exercises of tutorial 01."""

rows = [(0, 0), (0, 1), (1, 0), (1, 1)]


def fires(w, b, x):
    return 1 if w[0] * x[0] + w[1] * x[1] + b > 0 else 0


def corrections(rows, answers):
    w, b, count, again = [0, 0], 0, 0, True
    while again:
        again = False
        for x, y in zip(rows, answers, strict=True):
            error = y - fires(w, b, x)
            if error:
                w, b, count, again = (
                    [w[0] + error * x[0], w[1] + error * x[1]],
                    b + error,
                    count + 1,
                    True,
                )
    return count


# 1. OR needs fewer corrections than AND, and their number depends on the order of the rows.
# OR 需要的修正次数比 AND 少，而且与各行的次序有关。
OR = [0, 1, 1, 1]
print(
    "OR:",
    corrections(rows, OR),
    "in order,",
    corrections(rows[::-1], OR[::-1]),
    "in the opposite order",
)
assert corrections(rows, OR) < 10

# 2. NAND fires unless both inputs are 1: weights of -1 each, and a bias between 1 and 2.
# 只要两个输入不全是 1，NAND 就激活：两个权重都取 -1，偏置取 1 与 2 之间的数。
NAND = [1, 1, 1, 0]
assert [fires((-1, -1), 1.5, x) for x in rows] == NAND

# 3. XOR is "OR and NAND": one line below the corner (0, 0), one above (1, 1), and AND of the two.
# XOR 就是“OR 并且 NAND”：一条直线把角 (0, 0) 切开，一条把角 (1, 1) 切开，再把两者用 AND 合起来。
hidden = [(fires((1, 1), -0.5, x), fires((-1, -1), 1.5, x)) for x in rows]
assert [fires((1, 1), -1.5, h) for h in hidden] == [0, 1, 1, 0]
print("NAND and XOR: as claimed")
