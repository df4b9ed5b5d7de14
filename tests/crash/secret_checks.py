"""I14: no secret in a log, a metric, an error or a dead letter."""

import re


def find_secrets(run, checks):
    secrets = {partner.key: "an API key" for partner in run.partners}
    secrets |= {run.signing_key: "the signing key", run.payoutd.token: "the operators' token"}
    secrets |= {secret.removeprefix("whsec_"): "a webhook secret" for secret in run.receiver.secrets.values()}
    secrets |= {password: "a server's password" for password in run.neighbours.secrets()}
    tokens = {row["tracking_token"] for row in checks.rows.values()}
    places = {
        "the log": run.payoutd.log_path.read_text(errors="replace"),
        "a metric": run.metrics,
        "a dead letter": "\n".join(f"{letter}" for letter in run.history.letters),
    }
    for place, text in places.items():
        checks.checked[f"bytes searched for secrets: {place}"] += len(text)
        for secret, name in secrets.items():
            if secret in text:
                run.history.violate("I14", f"{name} is in {place}")
        for found in set(re.findall(r"\b[0-9a-f]{32}\b", text)) & tokens:
            run.history.violate("I14", f"the tracking token {found[:4]}… is in {place}")
