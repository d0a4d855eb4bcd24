"""Answers to the exercises of tutorial 14."""

# 1. typed: B's column has 512 numbers in 512 lines; A's row 2048 / 64 = 32. reordered: a row of B
#    and a row of C, 32 lines each, for 512 multiplications.
n, line = 512, 64
in_a_row = n * 4 // line
assert in_a_row == 32
for_one_element = n + in_a_row
assert for_one_element / n > 1  # more than a line for each multiplication
assert 2 * in_a_row / n == 1 / 8

# 2. The two sides meet at 1e11 / 1e10 = 10 operations a byte. Where N is small against D, the
#    intensity is about 2 N D U / (4 D U) = N / 2, so near N = 20; exactly:
D = U = 2048


def intensity(N):
    return 2 * N * D * U / (4 * (N * D + D * U + N * U))


least = next(N for N in range(1, 1000) if intensity(N) >= 10)
print("from a batch of", least, "on")
assert 20 <= least <= 21

# 3. r rows and c registers a row need r c registers for the sums, c for the row of B and 1 for a
#    number of A: r c + c + 1 <= 16. Each step reads c registers and r numbers for r c products, so
#    the best tile has many products for what it reads.
tiles = [
    (r * c / (r + c), r, 8 * c) for r in range(1, 16) for c in range(1, 8) if r * c + c + 1 <= 16
]
_, rows, columns = max(tiles)
print(f"{rows} rows by {columns} columns")
assert (rows, columns) in ((4, 24), (6, 16))
