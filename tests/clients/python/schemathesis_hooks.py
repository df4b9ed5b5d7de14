"""What schemathesis must not do by chance."""

import re
import uuid

import schemathesis

KEY = re.compile(r"[!-~]{1,255}")


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """In scenarios, gives every creation of a webhook endpoint a key of its own, where the key is a good one.

    Under a key that was used before the answer of then comes again, as it should: it may name an endpoint that has been
    deleted since, which looks like one that was created and is not there.
    """
    in_scenario = case.meta is not None and case.meta.phase.name == "stateful"
    creates = case.operation.definition.raw.get("operationId") == "createWebhook"
    key = (case.headers or {}).get("Idempotency-Key")
    if in_scenario and creates and KEY.fullmatch(str(key or "")):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
