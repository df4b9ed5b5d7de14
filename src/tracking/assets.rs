//! The page's style, script and icon: part of the program, served under names that change with their content.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file the page loads.
#[derive(Debug)]
pub struct Asset {
    /// Its name: part of its SHA-256, and its kind. Another content has another name, so it can be kept for ever.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub content: &'static str,
}

/// All files the page loads.
#[derive(Debug)]
pub struct Assets {
    /// How it looks.
    pub style: Asset,
    /// What it does by itself.
    pub script: Asset,
    /// Its icon in a browser's tab.
    pub icon: Asset,
}

impl Asset {
    fn new(kind: &str, content_type: &'static str, content: &'static str) -> Self {
        use std::fmt::Write;
        let digest = Sha256::digest(content.as_bytes());
        let hash = digest.iter().take(10).fold(String::new(), |mut hash, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        Self { name: format!("{hash}.{kind}"), content_type, content }
    }
}

/// All of them.
#[must_use]
pub fn all() -> &'static Assets {
    static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
        style: Asset::new("css", "text/css; charset=utf-8", include_str!("assets/page.css")),
        script: Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
        icon: Asset::new("svg", "image/svg+xml", include_str!("assets/icon.svg")),
    });
    &ASSETS
}

/// The file of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Asset> {
    let Assets { style, script, icon } = all();
    [style, script, icon].into_iter().find(|asset| asset.name == name)
}
