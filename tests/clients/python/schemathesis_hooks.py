"""What schemathesis is told about the partner API that its description cannot say."""

import re
import uuid

import schemathesis

NAME = "Idempotency-Key"
used = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives each made-up call a key of its own: one that was used before would only be told so.

    Keys that are not valid, or not there, stay as they are. One call in eight repeats a key, as it was made up.
    """
    key = (case.headers or {}).get(NAME)
    if not isinstance(key, str) or not re.fullmatch("[!-~]{1,255}", key):
        return
    fresh = uuid.uuid4()
    if key in used and fresh.int % 8:
        case.headers[NAME] = str(fresh)
    used.add(key)
