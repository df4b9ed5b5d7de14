//! Runs each target on its corpus and on mutations of it, which are the same every time.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use payoutd_fuzz::{Mutator, TARGETS, Target, Verdict};

/// The number of inputs by verdict.
#[derive(Debug, Default)]
struct Counts {
    accepted: u32,
    refused: u32,
}

impl Counts {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Refused => self.refused += 1,
        }
    }
}

/// Prints the input of a test that fails.
struct FailureContext<'a> {
    name: &'a str,
    input: &'a [u8],
}

impl Drop for FailureContext<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test shows its input")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was {}: {:?}", self.name, String::from_utf8_lossy(self.input));
        }
    }
}

#[expect(clippy::print_stdout, reason = "the numbers of inputs are a result of the test")]
fn run_target(name: &str) {
    let target = Target::named(name).unwrap();
    let (mut of_corpus, mut of_mutations) = (Counts::default(), Counts::default());
    let corpus = target.corpus().unwrap();
    for (name, input) in &corpus {
        let _context = FailureContext { name, input };
        of_corpus.count((target.run)(input));
    }
    let corpus: Vec<_> = corpus.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(0, &corpus, target.dictionary);
    for _ in 0..target.inputs {
        let input = mutator.next_input();
        let _context = FailureContext { name: "a mutation", input: &input };
        of_mutations.count((target.run)(&input));
    }
    println!("{name}: corpus {of_corpus:?}, mutations {of_mutations:?}");
    // A target that accepts or refuses almost every input tests too little.
    assert!(of_corpus.accepted >= 2 && of_corpus.refused >= 1, "{name}: corpus {of_corpus:?}");
    let minimum = target.inputs / 250;
    assert!(
        of_mutations.accepted > minimum && of_mutations.refused > minimum,
        "{name}: mutations {of_mutations:?}"
    );
}

macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            run_target(stringify!($name));
        })+

        #[test]
        fn every_target_has_a_test_and_a_corpus() {
            let mut tested = vec![$(stringify!($name)),+];
            tested.sort_unstable();
            let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            targets.sort_unstable();
            assert_eq!(tested, targets);
            let corpora = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").read_dir().unwrap();
            let mut corpora: Vec<_> = corpora.map(|entry| entry.unwrap().file_name()).collect();
            corpora.sort_unstable();
            assert_eq!(corpora, targets);
        }
    };
}

tests! {
    amount, authorization, config, create_body, cursor, destination, headers, ids, list_query, machine, quote_body,
    quote_id, report, webhook_url,
}
