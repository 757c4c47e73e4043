//! A hundred thousand inputs a run, from the generators that the fuzz targets use.

use hf_core::Call;
use proptest::prelude::*;

use super::entry::Entry;
use super::generators;

/// Many times what other laws are tried with: `PROPTEST_CASES` scales it.
fn config(times: u32) -> ProptestConfig {
    ProptestConfig { cases: ProptestConfig::default().cases * times, ..ProptestConfig::default() }
}

fn any_input_of(call: Call) {
    // By default 23,040; 10,240 of those that write.
    let registers = matches!(call, Call::RequestMachines | Call::RequestReturnMachines);
    let entry = Entry::new();
    proptest!(config(if registers { 40 } else { 90 }), |(input in generators::input())| entry.call(call, &input));
}

#[test]
fn any_input_of_get_available_templates() {
    any_input_of(Call::GetAvailableTemplates);
}

#[test]
fn any_input_of_request_machines() {
    any_input_of(Call::RequestMachines);
}

#[test]
fn any_input_of_request_return_machines() {
    any_input_of(Call::RequestReturnMachines);
}

#[test]
fn any_input_of_get_request_status() {
    any_input_of(Call::GetRequestStatus);
}

#[test]
fn any_input_of_get_return_requests() {
    any_input_of(Call::GetReturnRequests);
}

/// 5,120, each with two calls.
#[test]
fn any_templates_file() {
    let entry = Entry::new();
    proptest!(config(20), |(text in generators::templates_file())| entry.templates_file(&text));
}

/// 5,120, each with two calls.
#[test]
fn any_pod_spec() {
    let entry = Entry::new();
    proptest!(config(20), |(text in generators::pod_spec())| entry.pod_spec(&text));
}
