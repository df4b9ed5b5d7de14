//! Generates inputs from a corpus.

use payoutd_actors::testing::Random;

/// The maximum length of an input, in bytes.
const MAX_LENGTH: usize = 4096;

/// A generator of mutated inputs. The same seed generates the same inputs.
#[derive(Debug)]
pub struct Mutator<'a> {
    random: Random,
    corpus: &'a [Vec<u8>],
    dictionary: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// A generator of mutations of `corpus`, which contain texts of `dictionary`.
    #[must_use]
    pub fn new(seed: u64, corpus: &'a [Vec<u8>], dictionary: &'a [&'a str]) -> Self {
        Self { random: Random::new(seed), corpus, dictionary }
    }

    /// The next input.
    #[must_use]
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = match self.random.pick(self.corpus) {
            Some(input) if !self.random.clone().chance(5) => input.clone(),
            Some(_) | None => self.random_bytes(64),
        };
        for _ in 0..=self.random.below(4) {
            self.mutate(&mut input);
        }
        input.truncate(MAX_LENGTH);
        input
    }

    fn random_bytes(&mut self, max_length: u64) -> Vec<u8> {
        (0..self.random.below(max_length)).map(|_| self.byte()).collect()
    }

    fn byte(&mut self) -> u8 {
        // Most bytes are printable ASCII.
        let range = if self.random.chance(80) { 0x20..0x7f } else { 0x00..0x100 };
        u8::try_from(range.start + self.random.below(range.end - range.start)).unwrap_or(0)
    }

    fn position(&mut self, length: usize) -> usize {
        usize::try_from(self.random.below(length as u64 + 1)).unwrap_or(0)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.position(length), self.position(length));
        // Most ranges are short, so that most of the input stays unchanged.
        let end = one.max(other).min(one.min(other) + 1 + self.position(16));
        one.min(other)..end.min(length)
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.position(input.len());
        match self.random.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.random.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 => input.insert(at, self.byte()),
            3 => drop(input.drain(self.range(input.len()))),
            4 => {
                let repeated = input[self.range(input.len())].to_vec();
                input.splice(at..at, repeated);
            }
            5 => {
                let other = self.random.pick(self.corpus).cloned().unwrap_or_default();
                let piece = other[self.range(other.len())].to_vec();
                input.splice(at..at, piece);
            }
            6 => {
                let other = self.random.pick(self.corpus).cloned().unwrap_or_default();
                input.truncate(at);
                input.extend_from_slice(&other[self.position(other.len())..]);
            }
            _ => {
                let word = self.random.pick(self.dictionary).copied().unwrap_or_default();
                let replaced = if self.random.chance(50) { self.range(input.len()) } else { at..at };
                input.splice(replaced, word.bytes());
            }
        }
    }
}
