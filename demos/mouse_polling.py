"""Is the mouse clicked? A thread that asks all the time, and one that waits: two ways to do it badly.

Look at the first scanning thread: it never sleeps, and of its thousands of reads four find something; all
others are EAGAIN, paid with a whole CPU. Then at the second one, whose device blocks: it sleeps in the
read of the mouse while keys are pressed. It sees the first key when the mouse is clicked at last, and
the others never. `mouse_events.py` does neither.
"""

import os
import threading
import time

KEYS = b"abc"
PAUSE_S = 0.03


def scan_all_the_time(mouse: int, keyboard: int) -> None:
    os.set_blocking(mouse, False)
    os.set_blocking(keyboard, False)
    seen, in_vain = b"", 0
    while True:
        for device in (mouse, keyboard):
            try:
                event = os.read(device, 1)
            except BlockingIOError:
                in_vain += 1
                continue
            if not event:
                print(f"asked all the time: saw {seen.decode()}, and asked {in_vain} times in vain")
                return
            seen += event


def scan_one_after_the_other(mouse: int, keyboard: int) -> None:
    seen = b""
    while click := os.read(mouse, 1):  # the bug, kept on purpose: meanwhile nobody looks at the keyboard
        seen += click + os.read(keyboard, 1)
    print(f"waited for the mouse: saw {seen.decode()}, and never the other keys")


def plug_in() -> tuple[int, int]:
    """Return a mouse and a keyboard: pipes, and a hand (a process) that types, clicks, and leaves."""
    mouse, click = os.pipe()
    keyboard, key = os.pipe()
    if os.fork() == 0:
        for letter in KEYS:
            time.sleep(PAUSE_S)
            os.write(key, bytes([letter]))
        time.sleep(PAUSE_S)
        os.write(click, b"!")
        time.sleep(PAUSE_S)
        os._exit(0)
    os.close(click)
    os.close(key)
    return mouse, keyboard


if __name__ == "__main__":
    for scan in (scan_all_the_time, scan_one_after_the_other):
        thread = threading.Thread(target=scan, args=plug_in())
        thread.start()
        thread.join()
        os.wait()
