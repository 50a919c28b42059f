"""Is the mouse clicked? Nobody asks: events come into a queue, and each brings the function that it is for.

Look at the thread: it sleeps in epoll_wait() for mouse and keyboard at once, wakes up once for each event,
and calls back at once. As many reads as events, no CPU used in between, and no device hides another: the
keys are seen before the click, as they were pressed. Compare it with `mouse_polling.py`.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable

KEYS = b"abc"
PAUSE_S = 0.03

Callback = Callable[[bytes], None]
queue: deque[tuple[Callback, bytes]] = deque()  # what has happened, and what is to be done about it


def on_click(button: bytes) -> None:
    print("clicked", button.decode())


def on_key(key: bytes) -> None:
    print("pressed", key.decode())


def run(callbacks: dict[int, Callback]) -> None:
    """Wait for events, queue them, call back; until all devices are gone."""
    epoll = select.epoll()
    for device in callbacks:
        epoll.register(device, select.EPOLLIN)
    devices = set(callbacks)
    while devices:
        for device, _ in epoll.poll():
            if event := os.read(device, 1):
                queue.append((callbacks[device], event))
            else:
                epoll.unregister(device)
                devices.remove(device)
        while queue:
            callback, event = queue.popleft()
            callback(event)


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
    mouse, keyboard = plug_in()
    run({mouse: on_click, keyboard: on_key})
    os.wait()
