//! Signatures according to Standard Webhooks 1.0.0: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long messages carry a signature of the previous secret as well, after a rotation.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

const PREFIX: &str = "whsec_";

/// The secret that signs an endpoint's messages: 32 random bytes, written as `whsec_` and their base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not whsec_ and the base64 of 24 to 64 bytes")]
pub struct InvalidSecret;

impl SigningSecret {
    /// Generates a random secret.
    ///
    /// # Errors
    /// Returns the error of the operating system's random generator.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret as text, `whsec_…`. It is shown to the partner once and stored in the endpoint's row.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn signature(&self, id: &str, timestamp: i64, body: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes keys of every length")
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// The value of the `webhook-signature` header: one signature for each secret.
#[must_use]
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a SigningSecret>,
    id: &str,
    timestamp: i64,
    body: &str,
) -> String {
    let signatures: Vec<_> =
        secrets.into_iter().map(|secret| secret.signature(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example from the Standard Webhooks specification, which its reference libraries test as well.
    #[test]
    fn the_example_of_the_specification_has_the_expected_signature() {
        let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(
            sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_message_has_one_signature_for_each_secret() {
        let (new, old) = (SigningSecret::generate().unwrap(), SigningSecret::generate().unwrap());
        let both = sign([&new, &old], "msg_1", 1, "{}");
        let parts: Vec<_> = both.split(' ').collect();
        assert_eq!(parts, [sign([&new], "msg_1", 1, "{}"), sign([&old], "msg_1", 1, "{}")]);
        assert_ne!(parts[0], parts[1]);
    }

    #[test]
    fn debug_output_hides_the_secret_and_malformed_secrets_are_refused() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(secret.expose().parse::<SigningSecret>().unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
        for bad in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_M!KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(bad.parse::<SigningSecret>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_signature_depends_on_every_part(id in "[a-z]{1,8}", at in 0i64..4_000_000_000, body in ".{0,64}") {
            let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
            let signed = sign([&secret], &id, at, &body);
            prop_assert_eq!(&signed, &sign([&secret], &id, at, &body));
            prop_assert_ne!(&signed, &sign([&secret], &format!("{id}x"), at, &body));
            prop_assert_ne!(&signed, &sign([&secret], &id, at + 1, &body));
            prop_assert_ne!(&signed, &sign([&secret], &id, at, &format!("{body} ")));
        }
    }
}
