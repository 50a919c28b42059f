"""Those whom the tasks of three_tasks.py wait for: each question is answered after a while.

Three at a time, for each way in which the tasks are run; the server hangs up when they are done.
"""

import argparse
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WAYS, TASKS, STEPS = 3, 3, 2
PATIENCE_S = 10


def answer(port: int, think_s: float) -> int:
    """Answer until the other side hangs up; return how many questions there were."""
    questions = 0
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        while connection.recv(1):
            questions += 1
            time.sleep(think_s)
            connection.sendall(b"!")
    return questions


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Answers for three_tasks.py.")
    parser.add_argument("--port", type=int, default=8814)
    parser.add_argument("--think-ms", type=float, default=80)
    arguments = parser.parse_args()
    for _ in range(WAYS):
        with ThreadPoolExecutor(max_workers=TASKS) as pool:
            # Not all at the same moment: each a little slower than the one before.
            thinks_s = [arguments.think_ms / 1000 * (1 + number / 10) for number in range(TASKS)]
            tasks = [pool.submit(answer, arguments.port, think_s) for think_s in thinks_s]
            questions = [done.result() for done in tasks]
        if questions != [STEPS] * TASKS:
            return f"the tasks asked {questions} times"
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
