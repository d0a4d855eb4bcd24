"""Many callers of run_stages, tiny jobs, changing numbers of threads: for ThreadSanitizer."""

import site
import sys
import threading

site.addsitedir(sys.argv[1])

from diptych.fastcore.kernels import threads as door  # noqa: E402

COUNTS = [(1,), (0, 3), (7, 1, 64), (200, 1, 1, 99), (5,) * 16]
wrong = []
door.set_least_work(0)  # more threads than processors, too


def call(first):
    for i in range(first, first + 200):
        counts = COUNTS[i % len(COUNTS)]
        times = 1 + i % 3
        done, early = door.check_stages(counts, times=times)
        if early or done != [[times] * count for count in counts]:
            wrong.append(counts)


callers = [threading.Thread(target=call, args=(i,)) for i in range(4)]
for caller in callers:
    caller.start()
for i in range(100):
    door.set_num_threads(1 + i % 5)
for caller in callers:
    caller.join()
sys.exit(f"wrong: {wrong}" if wrong else 0)
