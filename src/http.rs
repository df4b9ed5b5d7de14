//! The partner HTTP edge.
