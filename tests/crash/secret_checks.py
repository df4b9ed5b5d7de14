"""I14: no secret is in a log, a metric, an error or a dead letter."""

import re


def check_secrets(run, checks):
    secrets = {partner.key: "an API key" for partner in run.partners}
    secrets |= {run.signing_key: "the signing key", run.payoutd.ops_token: "the operators' token"}
    secrets |= {secret.removeprefix("whsec_"): "a webhook secret" for secret in run.receiver.secrets.values()}
    secrets |= {password: "a server's password" for password in run.dependencies.passwords()}
    tracking_tokens = {row["tracking_token"] for row in checks.rows.values()}
    outputs = {
        "the log": run.payoutd.log_path.read_text(errors="replace"),
        "a metric": run.metrics,
        "a dead letter": "\n".join(f"{dead_letter}" for dead_letter in run.history.dead_letters),
    }
    for output, text in outputs.items():
        checks.checked[f"bytes searched for secrets: {output}"] += len(text)
        for secret, name in secrets.items():
            if secret in text:
                run.history.add_violation("I14", f"{name} is in {output}")
        for token in set(re.findall(r"\b[0-9a-f]{32}\b", text)) & tracking_tokens:
            run.history.add_violation("I14", f"the tracking token {token[:4]}… is in {output}")
