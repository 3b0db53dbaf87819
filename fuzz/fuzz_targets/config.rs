#![no_main]

#[path = "../../adapters/config/tests/corpus/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::config(input));
