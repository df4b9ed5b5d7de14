//! Which room may import which. A room is a top-level module of the crate `payoutd`; the crates have rooms of their own.

use std::collections::BTreeSet;

use crate::architecture::imports::arrows;
use crate::architecture::modules::{Modules, PROGRAM, Sources, Target};

/// Each room, and the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    // The crates.
    ("payoutd_domain", &[]),
    ("payoutd_actors", &["payoutd_domain"]),
    // Below the services. Every room from here on may also import the two crates.
    ("config", &[]),
    ("runtime", &["config"]),
    ("contracts", &[]),
    ("wire", &["contracts"]),
    // The services.
    ("api_keys", &[]),
    ("idempotency", &[]),
    ("payout_query", &[]),
    ("outbox", &["runtime", "wire"]),
    ("reports", &["contracts", "runtime"]),
    ("quotes", &["config", "contracts", "idempotency", "runtime"]),
    ("sandbox", &["outbox", "runtime"]),
    ("tracking", &["quotes", "runtime"]),
    ("webhooks", &["contracts", "idempotency", "runtime", "wire"]),
    // The edges.
    ("amqp", &["contracts", "outbox", "reports", "runtime", "wire"]),
    (
        "http",
        &[
            "api_keys",
            "config",
            "contracts",
            "idempotency",
            "payout_query",
            "quotes",
            "runtime",
            "tracking",
            "webhooks",
            "wire",
        ],
    ),
    ("ops", &["config", "runtime"]),
    (
        "store",
        &[
            "api_keys",
            "idempotency",
            "outbox",
            "payout_query",
            "quotes",
            "reports",
            "runtime",
            "sandbox",
            "tracking",
            "webhooks",
        ],
    ),
    // The program.
    (
        "app",
        &[
            "amqp",
            "api_keys",
            "config",
            "contracts",
            "http",
            "idempotency",
            "ops",
            "outbox",
            "payout_query",
            "quotes",
            "reports",
            "runtime",
            "sandbox",
            "store",
            "tracking",
            "webhooks",
            "wire",
        ],
    ),
    ("cli", &["api_keys", "app", "config"]),
    (PROGRAM, &["cli"]),
];

/// The imports that [`ROOMS`] does not allow, and the paths that the rules cannot follow.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let modules = Modules::read(sources);
    let mut violations: BTreeSet<String> = modules.unreadable.iter().cloned().collect();
    for arrow in arrows(&modules) {
        let room = room(&arrow.module);
        let imported = arrow.modules.iter().map(|module| self::room(module));
        for imported in imported.filter(|imported| !may_import(room, imported)) {
            violations.insert(format!("{} imports {imported} ({})", arrow.from, arrow.path));
        }
    }
    violations.extend(glob_imports(&modules));
    violations
}

/// The room of a module; the crate itself if it is not `payoutd`, and nothing for the root of `payoutd`.
fn room(module: &[String]) -> &str {
    match module {
        [name] if name == "payoutd" => "",
        [name, room, ..] if name == "payoutd" => room,
        [name, ..] => name,
        [] => "",
    }
}

fn may_import(room: &str, imported: &str) -> bool {
    let is_crate = imported.starts_with("payoutd_") && !room.starts_with("payoutd_") && room != PROGRAM;
    room == imported
        || imported.is_empty()
        || is_crate
        || ROOMS.iter().any(|(name, allowed)| *name == room && allowed.contains(&imported))
}

/// Imports of everything in a module, which hide what is imported.
fn glob_imports(modules: &Modules) -> Vec<String> {
    let mut violations = Vec::new();
    for (file, (module, contents)) in &modules.files {
        for import in contents.imports.iter().filter(|import| import.name.is_none()) {
            let resolution = modules.resolve(module, &import.path);
            if resolution.targets.iter().any(|target| matches!(target, Target::Module(_))) {
                violations.push(format!("{file} imports all of {}", import.path.segments.join("::")));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        violations(&example(files)).into_iter().collect()
    }

    const LIB: (&str, &str) = ("src/lib.rs", "mod config; mod http; mod quotes; mod store; mod wire;");
    const QUOTES: (&str, &str) = ("src/quotes.rs", "pub struct Quote;");
    const WIRE: (&str, &str) = ("src/wire.rs", "pub struct Renderer;");

    #[test]
    fn an_import_against_the_direction_is_reported() {
        let http = ("src/http.rs", "use crate::wire::Renderer; pub struct QuoteUsage;");
        let config = ("src/config.rs", "");
        for store in [
            "use crate::{quotes, http::{self, QuoteUsage}};",
            "use crate::{\n    quotes::Quote,\n    // the port\n    http as api,\n};\nfn f(_: api::QuoteUsage) {}",
            "fn f(_: crate::http::QuoteUsage) {}",
            "fn f() { let _ = super::http::QuoteUsage; }",
            "mod inner { use super::super::http::QuoteUsage; }",
            "use super::http::*;",
        ] {
            let violations = of(&[LIB, QUOTES, WIRE, http, config, ("src/store.rs", store)]);
            assert!(!violations.is_empty(), "{store}");
            assert!(violations[0].starts_with("src/store.rs imports "), "{violations:?}");
        }
    }

    #[test]
    fn an_import_through_an_allowed_room_is_reported() {
        let files = [
            LIB,
            WIRE,
            ("src/quotes.rs", "pub use crate::wire::Renderer;"),
            ("src/http.rs", ""),
            ("src/config.rs", ""),
            ("src/store.rs", "use crate::quotes::Renderer;"),
        ];
        let expected = [
            "src/quotes.rs imports wire (crate::wire::Renderer)",
            "src/store.rs imports wire (crate::quotes::Renderer)",
        ];
        assert_eq!(of(&files), expected);
    }

    #[test]
    fn test_code_and_comments_may_name_every_room() {
        let store = "
            //! `use crate::http::X;`
            #[cfg(test)]
            mod tests { use crate::http::X; }
            pub(in crate::store) const TEXT: &str = \"use crate::http::X;\";
        ";
        let files = [LIB, QUOTES, WIRE, ("src/http.rs", ""), ("src/config.rs", ""), ("src/store.rs", store)];
        assert_eq!(of(&files), Vec::<String>::new());
    }

    #[test]
    fn a_crate_that_imports_a_crate_above_it_is_reported() {
        let files = [
            ("actors/src/lib.rs", "pub struct Handle;"),
            ("actors/domain/src/lib.rs", "use payoutd_actors::Handle;"),
        ];
        let expected = ["actors/domain/src/lib.rs imports payoutd_actors (payoutd_actors::Handle)"];
        assert_eq!(of(&files), expected);
    }

    #[test]
    fn a_room_that_the_table_does_not_list_may_import_nothing() {
        let files = [
            ("src/lib.rs", "mod helpers; mod wire;"),
            WIRE,
            ("src/helpers.rs", "use crate::wire::Renderer;"),
        ];
        assert_eq!(of(&files), ["src/helpers.rs imports wire (crate::wire::Renderer)"]);
    }

    #[test]
    fn code_that_the_rules_cannot_follow_is_reported() {
        let files = [("src/lib.rs", "#[path = \"elsewhere.rs\"] mod wire; include!(\"more.rs\");")];
        assert_eq!(
            of(&files),
            ["src/lib.rs declares wire, which has no file", "src/lib.rs uses #[path] or include!"]
        );
    }

    /// Each room may import only rooms of earlier lines, so the table has no circle.
    #[test]
    fn the_table_is_in_order() {
        for (at, (room, allowed)) in ROOMS.iter().enumerate() {
            for imported in *allowed {
                assert!(
                    ROOMS[..at].iter().any(|(earlier, _)| earlier == imported),
                    "{room} imports {imported}"
                );
            }
        }
    }
}
