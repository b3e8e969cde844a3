//! P-23: whatever bytes a camera sends, what looks at them neither panics nor keeps more than it may.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway_cameras::untrusted::take(bytes));
