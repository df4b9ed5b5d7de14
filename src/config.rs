//! Configuration: embedded defaults, an optional file, the environment.
