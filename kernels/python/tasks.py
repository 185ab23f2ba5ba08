"""Top-level await: one event loop for the life of the kernel."""
import asyncio

loop = None
GRACE_S = 0.5


def run(coroutine):
    """Runs it to its end and returns its value. What interrupts the loop cancels the task."""
    global loop
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():
            task.cancel()
            # An interrupt leaves it suspended: let its `finally` blocks run, but not for ever.
            loop.run_until_complete(asyncio.wait([task], timeout=GRACE_S))
        raise
