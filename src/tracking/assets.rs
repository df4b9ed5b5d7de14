//! The page's stylesheet, script and icon. They are part of the binary and served under names with a content hash.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A static file of the page.
#[derive(Debug)]
pub struct Asset {
    /// A prefix of the content's SHA-256 and the extension. The content of a name never changes, so clients may cache it
    /// forever.
    pub name: String,
    pub content_type: &'static str,
    pub content: &'static str,
}

/// The static files of the page.
#[derive(Debug)]
pub struct Assets {
    pub style: Asset,
    pub script: Asset,
    pub icon: Asset,
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content.as_bytes());
        let hash = hex::encode(&digest[..10]);
        Self { name: format!("{hash}.{extension}"), content_type, content }
    }
}

#[must_use]
pub fn all() -> &'static Assets {
    static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
        style: Asset::new("css", "text/css; charset=utf-8", include_str!("assets/page.css")),
        script: Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
        icon: Asset::new("svg", "image/svg+xml", include_str!("assets/icon.svg")),
    });
    &ASSETS
}

#[must_use]
pub fn named(name: &str) -> Option<&'static Asset> {
    let Assets { style, script, icon } = all();
    [style, script, icon].into_iter().find(|asset| asset.name == name)
}
