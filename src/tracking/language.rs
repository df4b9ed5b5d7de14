//! Selects the language of the page.

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The default.
    English,
    Spanish,
}

impl Language {
    /// In the order of the page's language switch.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// The BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// The name of the language in the language itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
        }
    }

    /// The language of a tag, regardless of its region: `es-MX` is Spanish.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// Selects the language that the query asks for (`?lang=`), else the preferred one of the `Accept-Language` header.
    #[must_use]
    pub fn negotiate(query: Option<&str>, accept_language: &str) -> Self {
        query.and_then(Self::of_tag).or_else(|| preferred(accept_language)).unwrap_or(Self::English)
    }
}

/// The language with the highest weight in an `Accept-Language` header; of several, the first.
fn preferred(accept_language: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for range in accept_language.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight(parameters);
        if let Some(language) = Language::of_tag(tag.trim())
            && weight > best.map_or(0, |(weight, _)| weight)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// The quality value (RFC 9110) in thousandths: 1000 if there is none, 0 if it is malformed.
fn weight(parameters: &str) -> u16 {
    let Some(text) = parameters.trim().strip_prefix("q=") else { return 1_000 };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let thousandths = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, thousandths) {
        ("1", true) => 1_000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_selects_the_language_else_the_preferred_accepted_one_does() {
        for (query, accept_language, expected) in [
            (None, "", Language::English),
            (None, "de-DE, fr;q=0.9", Language::English),
            (None, "es", Language::Spanish),
            (None, "es-419,es;q=0.9,en;q=0.8", Language::Spanish),
            (None, "en;q=0.8, ES-mx;q=0.81", Language::Spanish),
            (None, "es;q=0.5,en;q=0.5", Language::Spanish),
            (None, "es;q=0, de", Language::English),
            (None, "es;q=nonsense, en;q=0.1", Language::English),
            (None, "*", Language::English),
            (Some("es"), "en", Language::Spanish),
            (Some("en"), "es", Language::English),
            (Some("xx"), "es", Language::Spanish),
            (Some("\"><script>"), "en", Language::English),
        ] {
            assert_eq!(
                Language::negotiate(query, accept_language),
                expected,
                "{query:?} {accept_language:?}"
            );
        }
    }
}
