//! For tests and simulation: a memory journal, a manual clock, a fault plan.
