#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ledger_verify_fuzz::nexus_signature(data));
