//! Larger examples of redial; see `examples/`.
