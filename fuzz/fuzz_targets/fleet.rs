#![no_main]

#[path = "../../adapters/fleet/tests/corpus/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::fleet(input));
