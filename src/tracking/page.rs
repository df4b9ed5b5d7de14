//! Renders complete pages.

use std::sync::Arc;

use askama::Template;
use payoutd_domain::{Snapshot, Timestamp};

use super::assets::{self, Asset};
use super::payment::{self, PaymentContent};
use super::translations::{Message, Translations};
use super::{Language, LookupError};
use crate::quotes::routes::Routes;

/// Renders the pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PageRenderer {
    routes: Arc<Routes>,
}

/// The layout of every page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    t: &'static Translations,
    language: Language,
    style: &'static Asset,
    script: &'static Asset,
    icon: &'static Asset,
    title: &'static str,
    /// The last segment of the page's path. Empty for a page without updates.
    token: &'a str,
    ended: bool,
    content: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorContent {
    t: &'static Translations,
    message: Message,
    retry: bool,
}

impl PageRenderer {
    /// Creates a renderer that links transactions to the explorers in `routes`.
    #[must_use]
    pub fn new(routes: Arc<Routes>) -> Self {
        Self { routes }
    }

    /// Renders the page of a payout. `token` is the last segment of its path.
    ///
    /// # Errors
    /// Returns the template's error. None is known: the templates format plain data.
    pub fn payment(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        language: Language,
        token: &str,
    ) -> askama::Result<String> {
        let payment = PaymentContent::new(snapshot, now, language, &self.routes);
        let content = payment.render()?;
        page(language, payment.headline(), token, payment.has_ended(), content)
    }

    /// Renders the part of that page that changes with the payout.
    ///
    /// # Errors
    /// Returns the template's error. None is known: the templates format plain data.
    pub fn fragment(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        language: Language,
    ) -> askama::Result<String> {
        PaymentContent::new(snapshot, now, language, &self.routes).render()
    }

    /// Whether no further change of the payout is expected, so that its page needs no updates.
    #[must_use]
    pub fn has_ended(snapshot: &Snapshot) -> bool {
        payment::has_ended(snapshot)
    }

    /// Renders the page for a failed lookup. It does not tell whether the payout exists.
    ///
    /// # Errors
    /// Returns the template's error. None is known: the templates format plain data.
    pub fn error(error: LookupError, language: Language) -> askama::Result<String> {
        let t = Translations::of(language);
        let (message, retry) = match error {
            LookupError::NotFound => (t.not_found, false),
            LookupError::TooMany => (t.too_many, false),
            LookupError::Unavailable => (t.unavailable, true),
        };
        let content = ErrorContent { t, message, retry }.render()?;
        page(language, message.headline, "", true, content)
    }
}

fn page(
    language: Language,
    title: &'static str,
    token: &str,
    ended: bool,
    content: String,
) -> askama::Result<String> {
    let assets = assets::all();
    let page = Page {
        t: Translations::of(language),
        language,
        style: &assets.style,
        script: &assets.script,
        icon: &assets.icon,
        title,
        token,
        ended,
        content,
    };
    page.render()
}
