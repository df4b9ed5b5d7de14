//! Each target on its corpus and on some made-up inputs, the same ones every time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use payoutd_fuzz::{MadeUp, TARGETS, Target, Verdict};

/// What ran, by verdict.
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

/// Says which input it was, when a target failed.
struct ActorSystem<'a>(&'a str, &'a [u8]);

impl Drop for ActorSystem<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test says what failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was {}: {:?}", self.0, String::from_utf8_lossy(self.1));
        }
    }
}

#[expect(clippy::print_stdout, reason = "the counts belong to what the test shows")]
fn short_form(name: &str) {
    let target = Target::named(name).unwrap();
    let (mut kept, mut tried) = (Counts::default(), Counts::default());
    let seeds = target.seeds().unwrap();
    for (name, seed) in &seeds {
        let _running = ActorSystem(name, seed);
        kept.count((target.run)(seed));
    }
    let seeds: Vec<_> = seeds.into_iter().map(|(_, seed)| seed).collect();
    let mut made_up = MadeUp::new(0, &seeds, target.words);
    for _ in 0..target.inputs {
        let input = made_up.input();
        let _running = ActorSystem("made up", &input);
        tried.count((target.run)(&input));
    }
    println!("{name}: corpus {kept:?}, made up {tried:?}");
    // A target that takes nothing, or everything, asserts nothing.
    assert!(kept.accepted >= 2 && kept.refused >= 1, "{name}: a corpus of {kept:?} shows too little");
    assert!(tried.accepted > target.inputs / 250 && tried.refused > target.inputs / 250, "{name}: {tried:?}");
}

macro_rules! short_forms {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            short_form(stringify!($name));
        })+

        #[test]
        fn every_target_is_tried_and_every_corpus_is_a_targets() {
            let mut tried = vec![$(stringify!($name)),+];
            tried.sort_unstable();
            let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            targets.sort_unstable();
            assert_eq!(tried, targets);
            let corpora = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").read_dir().unwrap();
            let mut corpora: Vec<_> = corpora.map(|entry| entry.unwrap().file_name()).collect();
            corpora.sort_unstable();
            assert_eq!(corpora, targets);
        }
    };
}

short_forms! {
    amount, authorization, config, create_body, cursor, destination, headers, ids, list_query, machine, quote_body,
    quote_id, report, webhook_url,
}
