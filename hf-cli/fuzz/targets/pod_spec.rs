#![no_main]

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    hf_cli_fuzz::mutate(hf_cli_fuzz::pod_spec(), data, size, max_size, seed)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| hf_cli_fuzz::try_pod_spec(data));
