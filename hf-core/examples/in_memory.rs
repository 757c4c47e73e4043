//! A whole provider in memory: its machines are numbers, and run as soon as they are asked for.
//!
//! Host Factory starts a program for each call; this one keeps nothing on disk, so it answers a session instead, one
//! call a line:
//!
//! ```text
//! $ cargo run -p hf-core --example in_memory <<'END'
//! getAvailableTemplates {}
//! requestMachines {"template": {"templateId": "small", "machineCount": 2}}
//! getRequestStatus {"requests": [{"requestId": "r1"}]}
//! requestReturnMachines {"machines": [{"name": "r1-0"}]}
//! getReturnRequests {"machines": [{"name": "r1-0"}, {"name": "r1-1"}]}
//! END
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use hf_core::attributes::Attribute;
use hf_core::status::{MachineResult, PartialFailure, RequestStatus, acquire_status, return_status};
use hf_core::wire::{
    Failure, get_available_templates, get_request_status, get_return_requests, request_machines,
    request_return_machines,
};
use hf_core::{Call, IdError, Provider, RequestId};

/// The one template.
const TEMPLATE: &str = "small";
/// The most machines at a time.
const MAX_NUMBER: u32 = 10;

/// What was asked for: by request, its machines.
#[derive(Default)]
struct InMemory {
    acquired: RefCell<BTreeMap<String, Vec<String>>>,
    returned: RefCell<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("there is no template {0:?}")]
    UnknownTemplate(String),
    #[error("{0} machines are more than the {MAX_NUMBER} that there may be")]
    TooMany(u32),
    #[error(transparent)]
    Id(#[from] IdError),
}

impl InMemory {
    fn new_id(&self) -> Result<RequestId, IdError> {
        format!("r{}", self.acquired.borrow().len() + self.returned.borrow().len() + 1).parse()
    }

    /// Whether a machine runs: it was asked for, and not given back.
    fn runs(&self, name: &str) -> bool {
        let named = |requests: &RefCell<BTreeMap<String, Vec<String>>>| {
            requests.borrow().values().flatten().any(|machine| machine == name)
        };
        named(&self.acquired) && !named(&self.returned)
    }

    fn status(&self, id: String) -> get_request_status::Request {
        let (acquired, returned) = (self.acquired.borrow(), self.returned.borrow());
        let (names, delivers) = match (acquired.get(&id), returned.get(&id)) {
            (Some(names), _) => (names.as_slice(), true),
            (None, Some(names)) => (names.as_slice(), false),
            (None, None) => {
                let message = "there is no such request".to_owned();
                let status = RequestStatus::CompleteWithError;
                return get_request_status::Request { request_id: id, status, message, machines: Vec::new() };
            }
        };
        let machines: Vec<_> = names.iter().map(|name| self.machine(name, delivers)).collect();
        let results = machines.iter().map(|machine| machine.result);
        let status =
            if delivers { acquire_status(results, PartialFailure::Complete) } else { return_status(results) };
        get_request_status::Request { request_id: id, status, message: String::new(), machines }
    }

    fn machine(&self, name: &str, delivers: bool) -> get_request_status::Machine {
        let runs = self.runs(name);
        let failed = delivers && !runs;
        get_request_status::Machine {
            machine_id: name.to_owned(),
            name: name.to_owned(),
            result: if failed { MachineResult::Fail } else { MachineResult::Succeed },
            status: if runs { "running".into() } else { "terminated".into() },
            private_ip_address: "127.0.0.1".to_owned(),
            public_ip_address: String::new(),
            launchtime: 0,
            message: if failed { "returned".to_owned() } else { String::new() },
        }
    }
}

impl Provider for InMemory {
    type Error = Refusal;

    fn get_available_templates(
        &self,
        _: get_available_templates::Input,
    ) -> Result<get_available_templates::Output, Refusal> {
        let attributes = [
            ("type", Attribute::string("X86_64")),
            ("ncpus", Attribute::number(1)),
            ("nram", Attribute::number(1_024)),
        ];
        let template = get_available_templates::Template {
            template_id: TEMPLATE.to_owned(),
            max_number: MAX_NUMBER,
            available_number: None,
            requested_machines: None,
            attributes: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
            other: serde_json::Map::new(),
        };
        Ok(get_available_templates::Output { message: String::new(), templates: vec![template] })
    }

    fn request_machines(&self, input: request_machines::Input) -> Result<request_machines::Output, Refusal> {
        let request_machines::Template { template_id, machine_count } = input.template;
        if template_id != TEMPLATE {
            return Err(Refusal::UnknownTemplate(template_id));
        }
        if machine_count > MAX_NUMBER {
            return Err(Refusal::TooMany(machine_count));
        }
        let id = self.new_id()?;
        let names = (0..machine_count).map(|n| id.machine(n).into()).collect();
        self.acquired.borrow_mut().insert(id.to_string(), names);
        Ok(request_machines::Output { message: String::new(), request_id: id.into() })
    }

    fn request_return_machines(
        &self,
        input: request_return_machines::Input,
    ) -> Result<request_return_machines::Output, Refusal> {
        let id = self.new_id()?;
        let names = input.machines.into_iter().map(|machine| machine.name).collect();
        self.returned.borrow_mut().insert(id.to_string(), names);
        Ok(request_return_machines::Output { message: String::new(), request_id: id.into() })
    }

    fn get_request_status(
        &self,
        input: get_request_status::Input,
    ) -> Result<get_request_status::Output, Refusal> {
        let requests = input.requests.into_iter().map(|asked| self.status(asked.request_id)).collect();
        Ok(get_request_status::Output { requests })
    }

    fn get_return_requests(
        &self,
        _: get_return_requests::Input,
    ) -> Result<get_return_requests::Output, Refusal> {
        // Machines in memory are never taken back.
        Ok(get_return_requests::Output::new(String::new(), Vec::new()))
    }
}

/// Answers one line: the name of a call, and its input.
fn answer(provider: &InMemory, line: &str) -> Vec<u8> {
    let (name, input) = line.split_once(' ').unwrap_or((line, "{}"));
    let answer = name
        .parse::<Call>()
        .map_err(|error| error.to_string())
        .and_then(|call| call.answer(provider, input.as_bytes()).map_err(|error| error.to_string()));
    answer.unwrap_or_else(|message| serde_json::to_vec(&Failure { message }).unwrap_or_default())
}

fn main() -> io::Result<()> {
    let provider = InMemory::default();
    for line in io::stdin().lock().lines() {
        let answer = answer(&provider, line?.trim());
        io::stdout().write_all(&[&answer, b"\n".as_slice()].concat())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session() {
        let provider = InMemory::default();
        let say = |line: &str| String::from_utf8(answer(&provider, line)).unwrap();
        let asked = say(r#"requestMachines {"template": {"templateId": "small", "machineCount": 2}}"#);
        assert_eq!(asked, r#"{"message":"","requestId":"r1"}"#);
        let status = r#"getRequestStatus {"requests": [{"requestId": "r1"}]}"#;
        assert!(say(status).contains(r#""status":"complete","#));
        assert_eq!(
            say(r#"requestReturnMachines {"machines": [{"name": "r1-0"}]}"#),
            r#"{"message":"","requestId":"r2"}"#
        );
        assert!(say(status).contains(r#""name":"r1-0","result":"fail","status":"terminated""#));
        assert!(say("requestMachines {}").contains("missing field `template`"));
        assert!(say("nonsense").contains("there is no call of this name"));
    }
}
