#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| redial_testkit::fuzz_targets::reconnector(input));
