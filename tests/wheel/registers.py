"""Which registers the kernels of a wheel use: none wider than their level has.

    python tests/wheel/registers.py WHEEL

needs objdump. v2 has 16 registers of 128 bits, v3 16 of 256 bits; only v4 has those of 512 bits,
32 of each, and masks. Nothing may use the registers of MMX, which are those of long doubles.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

AVX = re.compile(r"%ymm|\tv[a-z0-9]+ +.*%xmm|\tvzero")
AVX512 = re.compile(r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])|%k[0-7]\b")
MMX = re.compile(r"%mm[0-7]")
BANNED = {"any": [AVX, AVX512], "v2": [AVX, AVX512], "v3": [AVX512], "v4": []}


def count(module, patterns):
    """How many of a module's instructions match each of the patterns."""
    lines = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", module], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [sum(p.search(line) is not None for line in lines) for p in patterns]


def main(wheel):
    wrong, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        for module in sorted(Path(folder, "diptych").rglob("*.so")):
            level = module.relative_to(folder).parts[3 if "_levels" in module.parts else 0]
            level = level if level in BANNED else "any"
            avx, avx512, mmx = count(module, [AVX, AVX512, MMX])
            if mmx:
                wrong.append(f"{level}: {module.name}: {mmx} instructions of MMX")
            total = found.setdefault(level, [0, 0, 0])
            found[level] = [total[0] + 1, total[1] + avx, total[2] + avx512]
            for pattern, n in ((AVX, avx), (AVX512, avx512)):
                if n and pattern in BANNED[level]:
                    wrong.append(f"{level}: {module.name}: {n} instructions of a higher level")
    for level, (modules, avx, avx512) in sorted(found.items()):
        print(f"{level:4} {modules} modules, AVX {avx}, AVX-512 {avx512} instructions")
    if not {"v2", "v3", "v4"} <= set(found) or not found["v3"][1] or not found["v4"][2]:
        wrong.append("the wheel has no levels, or they do not differ")
    return wrong


if __name__ == "__main__":
    problems = main(sys.argv[1])
    print(*problems, sep="\n")
    sys.exit(bool(problems))
