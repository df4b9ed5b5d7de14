"""Restricts the calls that schemathesis generates."""

import re
import uuid

import schemathesis

KEY = re.compile(r"[!-~]{1,255}")


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """In the stateful phase, gives every creation of a webhook endpoint a new idempotency key if its key is valid.

    A repeated key correctly gets the stored response. The endpoint in it may have been deleted since, which
    schemathesis reports as a created resource that is not available.
    """
    is_stateful = case.meta is not None and case.meta.phase.name == "stateful"
    creates = case.operation.definition.raw.get("operationId") == "createWebhook"
    key = (case.headers or {}).get("Idempotency-Key")
    if is_stateful and creates and KEY.fullmatch(str(key or "")):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
