//! Whole pages, ready to be answered.

use std::sync::Arc;

use askama::Template;
use payoutd_domain::{Snapshot, Timestamp};

use super::assets::{self, Asset};
use super::payment::{self, Payment};
use super::words::{Message, Words};
use super::{Language, Lost};
use crate::quotes::routes::Routes;

/// Renders pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pages {
    routes: Arc<Routes>,
}

/// The frame around everything.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    w: &'static Words,
    language: Language,
    style: &'static Asset,
    script: &'static Asset,
    icon: &'static Asset,
    title: &'static str,
    /// Where the page is, seen from itself; empty where it is not to change by itself.
    token: &'a str,
    ended: bool,
    content: String,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeContent {
    w: &'static Words,
    message: Message,
    retry: bool,
}

impl Pages {
    /// Pages whose links lead to the explorers that `routes` names.
    #[must_use]
    pub fn new(routes: Arc<Routes>) -> Self {
        Self { routes }
    }

    /// The whole page of a payout. `token` is the last segment of its path.
    ///
    /// # Errors
    /// Never, as far as known: every part is plain data.
    pub fn payment(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        language: Language,
        token: &str,
    ) -> askama::Result<String> {
        let payment = Payment::new(snapshot, now, language, &self.routes);
        let content = payment.render()?;
        page(language, payment.headline(), token, payment.has_ended(), content)
    }

    /// The part of that page that changes.
    ///
    /// # Errors
    /// Never, as far as known: every part is plain data.
    pub fn fragment(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        language: Language,
    ) -> askama::Result<String> {
        Payment::new(snapshot, now, language, &self.routes).render()
    }

    /// Whether nothing more is expected to happen to the payout, so that its page need not change any more.
    #[must_use]
    pub fn has_ended(snapshot: &Snapshot) -> bool {
        payment::has_ended(snapshot)
    }

    /// The page that stands where no payment can be shown. It never says whether there is one.
    ///
    /// # Errors
    /// Never, as far as known: every part is plain data.
    pub fn notice(lost: Lost, language: Language) -> askama::Result<String> {
        let w = Words::of(language);
        let (message, retry) = match lost {
            Lost::NotFound => (w.not_found, false),
            Lost::TooMany => (w.too_many, false),
            Lost::Unavailable => (w.unavailable, true),
        };
        let content = NoticeContent { w, message, retry }.render()?;
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
        w: Words::of(language),
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
