//! The results table: each measure with its floor, their ratio, the target and the verdict.

use std::io::Write as _;

use crate::Result;

/// The target of a measure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The minimum ratio of value to floor.
    Ratio(f64),
    /// The maximum value.
    AtMost(f64),
    /// The minimum value.
    AtLeast(f64),
    /// No target.
    Informational,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) measure: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// Label and value of the floor.
    pub(crate) floor: Option<(&'static str, f64)>,
    pub(crate) target: Target,
}

impl Row {
    pub(crate) fn without_floor(measure: &str, value: f64, unit: &'static str, target: Target) -> Self {
        Self { measure: measure.to_owned(), value, unit, floor: None, target }
    }

    pub(crate) fn with_floor(
        measure: &str,
        value: f64,
        unit: &'static str,
        floor: (&'static str, f64),
        target: Target,
    ) -> Self {
        Self { floor: Some(floor), ..Self::without_floor(measure, value, unit, target) }
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.map(|(_, floor)| if floor > 0.0 { self.value / floor } else { 0.0 })
    }

    /// Whether the value meets the target; `None` without a target.
    fn meets_target(&self) -> Option<bool> {
        match self.target {
            Target::Ratio(min) => Some(self.ratio().is_some_and(|ratio| ratio >= min)),
            Target::AtMost(max) => Some(self.value <= max),
            Target::AtLeast(min) => Some(self.value >= min),
            Target::Informational => None,
        }
    }

    fn cells(&self) -> [String; 6] {
        let floor =
            self.floor.map_or(String::new(), |(letter, floor)| format!("{letter} {}", format_number(floor)));
        let target = match self.target {
            Target::Ratio(min) => format!("≥ {min}"),
            Target::AtMost(max) => format!("≤ {} {}", format_number(max), self.unit),
            Target::AtLeast(min) => format!("≥ {} {}", format_number(min), self.unit),
            Target::Informational => String::new(),
        };
        let verdict = match self.meets_target() {
            Some(true) => "pass",
            Some(false) => "miss",
            None => "",
        };
        [
            self.measure.clone(),
            format!("{} {}", format_number(self.value), self.unit),
            floor,
            self.ratio().map_or(String::new(), |ratio| format!("{ratio:.2}")),
            target,
            verdict.to_owned(),
        ]
    }
}

const HEADER: [&str; 6] = ["measure", "payoutd", "floor", "ratio", "target", ""];

/// Prints the table in Markdown. Returns whether all targets are met.
pub(crate) fn print(machine: &[String], notes: &[String], rows: &[Row]) -> Result<bool> {
    let lines: Vec<[String; 6]> =
        std::iter::once(HEADER.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let mut out = std::io::stdout().lock();
    for line in machine {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for (at, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
        if at == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(out, "| {} |", rule.join(" | "))?;
        }
    }
    writeln!(out)?;
    for note in notes {
        writeln!(out, "- {note}")?;
    }
    Ok(rows.iter().all(|row| row.meets_target() != Some(false)))
}

/// Two decimals below 100; otherwise no decimals and a comma between thousands.
fn format_number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The median; 0 without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => 0.0,
        Some(upper) if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], *upper),
        Some(upper) => *upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_with_their_targets() {
        let ratio =
            |value| Row::with_floor("a", value, "/s", ("F", 1_000.0), Target::Ratio(0.6)).meets_target();
        assert_eq!((ratio(600.0), ratio(599.0)), (Some(true), Some(false)));
        assert_eq!(Row::without_floor("a", 5.1, "ms", Target::AtMost(5.0)).meets_target(), Some(false));
        assert_eq!(Row::without_floor("a", 5.1, "ms", Target::Informational).meets_target(), None);
    }

    #[test]
    fn numbers_have_separators_and_the_median_is_the_middle_value() {
        assert_eq!(
            (format_number(1_234_567.8).as_str(), format_number(12.345).as_str()),
            ("1,234,568", "12.35")
        );
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0, 4.0, 3.0])), (2.0, 2.5));
    }
}
