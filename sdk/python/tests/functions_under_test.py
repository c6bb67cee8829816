"""Functions at the top level of a module, where @capsule.function wants them."""

import asyncio
import os
import sys

import capsule


@capsule.function()
def pid():
    return os.getpid()


@capsule.function()
def echo(value):
    return value


@capsule.function()
def add(a, b):
    return a + b


class Group:
    @staticmethod
    @capsule.function()
    def member(x):
        return f"member {x}"


@capsule.function()
def noisy():
    print("I print")
    return 7


@capsule.function()
async def later(x):
    await asyncio.sleep(0)
    return x


@capsule.function()
def fail():
    raise ValueError("not that")


@capsule.function()
def no_file():
    open("/nowhere/at/all")


@capsule.function()
def leave(status):
    sys.exit(status)


@capsule.function()
def gives_set():
    return {1, 2}


@capsule.function(max_result=1000)
def large(n):
    return "x" * n


@capsule.function()
def forge(answer):
    """Write an answer of one's own to every descriptor there is, and leave."""
    for fd in range(3, 10):
        try:
            os.write(fd, answer.encode("latin-1"))
            break
        except OSError:
            pass
    os._exit(0)


@capsule.function()
def read(path):
    with open(path) as f:
        return f.read()


@capsule.function()
def write(path, text):
    with open(path, "w") as f:
        return f.write(text)


@capsule.function()
def connect(host, port):
    import socket

    socket.create_connection((host, port), timeout=3).close()


@capsule.function()
def calls_another():
    return add(1, 2)


@capsule.function()
def calls_plain():
    return add.inside(1, 2)
