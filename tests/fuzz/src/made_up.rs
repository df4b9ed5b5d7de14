//! Inputs out of inputs.

use payoutd_actors::testing::Random;

/// The longest input that is made up, in bytes.
const LONGEST: usize = 4096;

/// Makes inputs up, the same ones from the same seed.
#[derive(Debug)]
pub struct MadeUp<'a> {
    random: Random,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> MadeUp<'a> {
    /// Inputs that resemble `seeds`, with some of `words` in them.
    #[must_use]
    pub fn new(seed: u64, seeds: &'a [Vec<u8>], words: &'a [&'a str]) -> Self {
        Self { random: Random::new(seed), seeds, words }
    }

    /// One more.
    #[must_use]
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = match self.random.pick(self.seeds) {
            Some(seed) if !self.random.clone().chance(5) => seed.clone(),
            Some(_) | None => self.noise(64),
        };
        for _ in 0..=self.random.below(4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn noise(&mut self, most: u64) -> Vec<u8> {
        (0..self.random.below(most)).map(|_| self.byte()).collect()
    }

    fn byte(&mut self) -> u8 {
        // Mostly what texts are made of.
        let range = if self.random.chance(80) { 0x20..0x7f } else { 0x00..0x100 };
        u8::try_from(range.start + self.random.below(range.end - range.start)).unwrap_or(0)
    }

    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.random.below(length as u64 + 1)).unwrap_or(0)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.place(length), self.place(length));
        // Short ones mostly: a change is worth more where the rest stays.
        let end = one.max(other).min(one.min(other) + 1 + self.place(16));
        one.min(other)..end.min(length)
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input.len());
        match self.random.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.random.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 => input.insert(at, self.byte()),
            3 => drop(input.drain(self.range(input.len()))),
            4 => {
                let again = input[self.range(input.len())].to_vec();
                input.splice(at..at, again);
            }
            5 => {
                let other = self.random.pick(self.seeds).cloned().unwrap_or_default();
                let piece = other[self.range(other.len())].to_vec();
                input.splice(at..at, piece);
            }
            6 => {
                let other = self.random.pick(self.seeds).cloned().unwrap_or_default();
                input.truncate(at);
                input.extend_from_slice(&other[self.place(other.len())..]);
            }
            _ => {
                let word = self.random.pick(self.words).copied().unwrap_or_default();
                let replaced = if self.random.chance(50) { self.range(input.len()) } else { at..at };
                input.splice(replaced, word.bytes());
            }
        }
    }
}
