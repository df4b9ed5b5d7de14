"""The end of a run: no more faults, and all that was begun has to come to its end."""

import threading
import time

import consumers


def settle(run):
    began = time.monotonic()
    deadline = began + run.options.settle
    run.calm.set()
    for thread in run.load.creating:
        thread.join(max(0.1, deadline - time.monotonic()))
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        time.sleep(0.5)
        quiet = 0 if unsettled(run) else quiet + 1
    if quiet < 3 and (left := unsettled(run)):
        run.history.violate("I10", f"not settled within {run.options.settle:.0f} s: {left}")
    run.settled_in = time.monotonic() - began
    poll_all(run)
    if stuck := run.neighbours.database.stuck():
        time.sleep(1)
        if again := run.neighbours.database.stuck():
            run.history.violate("I12", f"a transaction stays open while nothing happens: {stuck}, {again}")
    run.metrics = run.payoutd.ask("/metrics")[1]
    if code := run.payoutd.stop():
        run.history.violate("harness", f"payoutd did not end in good order: {code}")
    # Estimates pass to the last moment; what was announced of that is read before the readers end.
    while any(consumers.waiting(run.amqp_url, reader.name) for reader in run.readers):
        time.sleep(0.2)
    time.sleep(1)
    run.over.set()


def unsettled(run):
    """What is still to be done; nothing, once all is."""
    database = run.neighbours.database
    left = {"a partner": any(thread.is_alive() for thread in run.load.creating)}
    left |= {f"watcher {n}": not w.idle.is_set() for n, w in enumerate(run.watchers)}
    left["reports queued"] = run.neighbours.broker.unacknowledged()
    left |= {name: database.count(name) for name in ("outbox", "planned_reports", "parked_reports")}
    left["webhooks"] = database.count("webhook_deliveries WHERE status = 'waiting'")
    for name in (consumers.ANNOUNCED, consumers.DEAD):
        left[name] = consumers.waiting(run.amqp_url, name)
    left["receiver"] = time.monotonic() - run.receiver.last < 1
    left["reader"] = any(time.monotonic() - reader.last < 1 for reader in run.readers)
    return {name: value for name, value in left.items() if value}


def poll_all(run):
    """Everybody asks for each of their payouts one last time: several at once, for there may be many."""
    payouts = list(run.history.payouts)
    deadline, failed = time.monotonic() + 60 + len(payouts) / 50, []
    parts = [payouts[number::4] for number in range(4)]
    threads = [threading.Thread(target=run.load.poll_each, args=(part, deadline, failed), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        run.history.violate("I10", f"{len(failed)} payouts cannot be polled at the end", failed[0])
