//! The texts of the page, by language.

mod english;
mod spanish;
mod texts;

use super::Language;
pub(super) use texts::{Message, Translations};

impl Translations {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::ENGLISH,
            Language::Spanish => &spanish::SPANISH,
        }
    }
}
