"""The end of a run: faults and new payouts stop, and all remaining work has to finish."""

import threading
import time

import consumers


def settle(run):
    began = time.monotonic()
    deadline = began + run.options.settle
    run.settling.set()
    for thread in run.load.creating:
        thread.join(max(0.1, deadline - time.monotonic()))
    settled_checks = 0
    while settled_checks < 3 and time.monotonic() < deadline:
        time.sleep(0.5)
        settled_checks = 0 if unfinished_work(run) else settled_checks + 1
    if settled_checks < 3 and (unfinished := unfinished_work(run)):
        run.history.add_violation("I10", f"not settled within {run.options.settle:.0f} s: {unfinished}")
    run.settled_in = time.monotonic() - began
    poll_all(run)
    check_open_transactions(run)
    run.metrics = run.payoutd.get_ops("/metrics")[1]
    if code := run.payoutd.stop():
        run.history.add_violation("harness", f"payoutd exited with {code} after SIGTERM")
    # Estimated delivery times pass until payoutd exits: the consumers read the events of that, too.
    while any(consumers.ready_messages(run.amqp_url, consumer.queue) for consumer in run.consumers):
        time.sleep(0.2)
    time.sleep(1)
    run.finished.set()


def check_open_transactions(run):
    """A transaction that is open in two checks, one second apart, violates I12."""
    database = run.dependencies.database
    if first := database.open_transactions():
        time.sleep(1)
        if second := database.open_transactions():
            run.history.add_violation(
                "I12", f"a transaction stays open while payoutd is idle: {first}, {second}"
            )


def unfinished_work(run):
    """What is left to do, by name; empty if the run is settled."""
    database = run.dependencies.database
    work = {"a partner": any(thread.is_alive() for thread in run.load.creating)}
    work |= {f"watcher {n}": not watcher.idle.is_set() for n, watcher in enumerate(run.watchers)}
    work["reports queued"] = run.dependencies.broker.queued_reports()
    work |= {name: database.count(name) for name in ("outbox", "planned_reports", "parked_reports")}
    work["webhooks"] = database.count("webhook_deliveries WHERE status = 'waiting'")
    for queue in (consumers.EVENT_QUEUE, consumers.DEAD_LETTER_QUEUE):
        work[queue] = consumers.ready_messages(run.amqp_url, queue)
    now = time.monotonic()
    work["webhook receiver"] = now - run.receiver.last_attempt_at < 1
    work["consumer"] = any(now - consumer.last_message_at < 1 for consumer in run.consumers)
    return {name: value for name, value in work.items() if value}


def poll_all(run):
    """Polls every payout once more, in four threads."""
    payouts = list(run.history.owners)
    deadline, failed = time.monotonic() + 60 + len(payouts) / 50, []
    parts = [payouts[number::4] for number in range(4)]
    threads = [
        threading.Thread(target=run.load.poll_each, args=(part, deadline, failed), daemon=True)
        for part in parts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        run.history.add_violation("I10", f"{len(failed)} payouts cannot be polled at the end", failed[0])
