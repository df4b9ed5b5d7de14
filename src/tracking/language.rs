//! Which language a reader wants.

/// A language the page is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, and the language of everybody whose own is not here.
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every language, in the order of the page's switch.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// Its BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Its own name for itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
        }
    }

    /// The language of that tag, whatever its region: `es-MX` is Spanish.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language asked for by name (`?lang=`), or else the best of what the browser accepts (`Accept-Language`).
    #[must_use]
    pub fn wanted(asked: Option<&str>, accepted: &str) -> Self {
        asked.and_then(Self::of_tag).or_else(|| best_of(accepted)).unwrap_or(Self::English)
    }
}

/// Of the languages we have the one with the highest weight; the first of those with the same.
fn best_of(accepted: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for range in accepted.split(',') {
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

/// Thousandths, as RFC 9110 has them: 1000 where none is given, nothing where it cannot be read.
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
    fn the_reader_gets_the_language_asked_for_or_the_best_accepted() {
        for (asked, accepted, wanted) in [
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
            assert_eq!(Language::wanted(asked, accepted), wanted, "{asked:?} {accepted:?}");
        }
    }
}
