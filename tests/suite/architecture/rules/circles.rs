//! No two files import from each other, directly or through other files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::architecture::imports::arrows;
use crate::architecture::modules::{Modules, Sources};

/// One circle of each set of files that import each other.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for arrow in arrows(&Modules::read(sources)) {
        imports.entry(arrow.from).or_default().extend(arrow.files);
    }
    let mut violations = BTreeSet::new();
    let mut reported = BTreeSet::new();
    for start in imports.keys() {
        if let Some(circle) = circle(&imports, start).filter(|circle| circle.is_disjoint_from(&reported)) {
            violations.insert(circle.0.join(" → "));
            reported.extend(circle.0);
        }
    }
    violations
}

/// The files of a circle in the order of the imports. The first file is repeated at the end.
struct Circle(Vec<String>);

impl Circle {
    fn is_disjoint_from(&self, files: &BTreeSet<String>) -> bool {
        self.0.iter().all(|file| !files.contains(file))
    }
}

/// The shortest circle through `start`.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>, start: &String) -> Option<Circle> {
    let mut importer: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for imported in imports.get(file).into_iter().flatten() {
            if imported == start {
                let mut circle = vec![start.clone(), file.clone()];
                while circle.last() != Some(start) {
                    circle.push(importer[&circle[circle.len() - 1]].clone());
                }
                circle.reverse();
                return Some(Circle(circle));
            }
            if !importer.contains_key(imported) {
                importer.insert(imported, file);
                queue.push_back(imported);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        violations(&example(files)).into_iter().collect()
    }

    #[test]
    fn files_that_import_each_other_are_reported() {
        let files = [
            ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("src/a.rs", "use crate::{b::B, d::D}; pub struct A;"),
            ("src/b.rs", "pub struct B(crate::c::C);"),
            ("src/c.rs", "use super::a; pub struct C(a::A);"),
            ("src/d.rs", "pub struct D;"),
        ];
        assert_eq!(of(&files), ["src/a.rs → src/b.rs → src/c.rs → src/a.rs"]);
    }

    #[test]
    fn a_parent_and_a_child_that_import_each_other_are_reported() {
        for parent in [
            "mod child; use child::Child; pub struct Plain;",
            "mod child; pub use child::Child; pub struct Plain; fn f(_: Child) {}",
            "mod child; pub struct Plain; fn f(_: child::Child) {}",
        ] {
            let files = [
                ("src/lib.rs", "mod parent;"),
                ("src/parent.rs", parent),
                ("src/parent/child.rs", "use super::Plain; pub struct Child;"),
            ];
            assert_eq!(of(&files), ["src/parent.rs → src/parent/child.rs → src/parent.rs"], "{parent}");
        }
    }

    #[test]
    fn a_re_export_of_a_child_is_no_import() {
        let files = [
            ("src/lib.rs", "mod parent;"),
            (
                "src/parent.rs",
                "mod child; mod other; pub use child::Child; pub use other::Other; pub struct Plain;",
            ),
            ("src/parent/child.rs", "use super::{Other, Plain}; pub struct Child;"),
            ("src/parent/other.rs", "pub struct Other;"),
        ];
        assert_eq!(of(&files), Vec::<String>::new());
    }

    #[test]
    fn a_circle_through_a_re_export_is_reported() {
        let files = [
            ("src/lib.rs", "mod parent;"),
            ("src/parent.rs", "mod child; mod other; pub use child::Child; pub use other::Other;"),
            ("src/parent/child.rs", "use super::Other; pub struct Child;"),
            ("src/parent/other.rs", "use super::Child as C; pub struct Other;"),
        ];
        assert_eq!(of(&files), ["src/parent/child.rs → src/parent/other.rs → src/parent/child.rs"]);
    }
}
