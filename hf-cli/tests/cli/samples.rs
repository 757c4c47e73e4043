//! Golden answers; and real messages, where a folder of them is at hand.

use std::fs;
use std::path::Path;

use hf_core::Call;
use serde_json::json;

use crate::site::{Site, machines_of};
use crate::skipped;
use crate::world::World;

/// What Host Factory is told from the request to the return.
#[test]
fn a_session_to_the_letter() {
    let mut world = World::known();
    let say = |world: &World, call, input, arguments: &[&str]| {
        world.call_with(call, &input, arguments).answer().to_string()
    };
    let status = |world: &World, id: &str| {
        say(world, Call::GetRequestStatus, json!({"requests": [{"requestId": id}]}), &[])
    };
    assert_eq!(
        say(&world, Call::RequestMachines, machines_of("t", 2), &["--request-id=req1"]),
        r#"{"message":"2 machines of t requested","requestId":"req1"}"#
    );
    assert_eq!(
        status(&world, "req1"),
        concat!(
            r#"{"requests":[{"machines":["#,
            r#"{"launchtime":1800000000,"machineId":"req1-0","message":"","name":"req1-0","privateIpAddress":"","#,
            r#""publicIpAddress":"","result":"executing","status":"pending"},"#,
            r#"{"launchtime":1800000000,"machineId":"req1-1","message":"","name":"req1-1","privateIpAddress":"","#,
            r#""publicIpAddress":"","result":"executing","status":"pending"}"#,
            r#"],"message":"2 in progress","requestId":"req1","status":"running"}]}"#
        )
    );
    world.pass(5);
    world.create();
    world.start("req1-0");
    world.vanish("req1-1");
    assert_eq!(
        status(&world, "req1"),
        concat!(
            r#"{"requests":[{"machines":["#,
            r#"{"launchtime":1800000005,"machineId":"req1-0","message":"","name":"req1-0","#,
            r#""privateIpAddress":"10.0.0.0","publicIpAddress":"","result":"succeed","status":"running"},"#,
            r#"{"launchtime":1800000000,"machineId":"req1-1","message":"the pod was deleted","name":"req1-1","#,
            r#""privateIpAddress":"","publicIpAddress":"","result":"fail","status":"terminated"}"#,
            r#"],"message":"1 succeeded, 1 failed","requestId":"req1","status":"complete"}]}"#
        )
    );
    let hosts = json!({"machines": [{"name": "req1-0", "machineId": "req1-0"}, {"name": "req1-1"}]});
    assert_eq!(
        say(&world, Call::GetReturnRequests, hosts.clone(), &[]),
        r#"{"message":"","requests":[{"gracePeriod":0,"machine":"req1-1"}],"status":"complete"}"#
    );
    assert_eq!(
        say(&world, Call::RequestReturnMachines, hosts, &["--request-id=ret1"]),
        r#"{"message":"return of 2 machines requested","requestId":"ret1"}"#
    );
    world.vanish("req1-0");
    assert_eq!(
        status(&world, "ret1"),
        concat!(
            r#"{"requests":[{"machines":["#,
            r#"{"launchtime":1800000005,"machineId":"req1-0","message":"","name":"req1-0","#,
            r#""privateIpAddress":"10.0.0.0","publicIpAddress":"","result":"succeed","status":"terminated"},"#,
            r#"{"launchtime":1800000005,"machineId":"req1-1","message":"","name":"req1-1","#,
            r#""privateIpAddress":"","publicIpAddress":"","result":"succeed","status":"terminated"}"#,
            r#"],"message":"2 succeeded","requestId":"ret1","status":"complete"}]}"#
        )
    );
    assert_eq!(
        status(&world, "a681e4c2-7ba1-4ac8-934a-c7337e59c5a4"),
        concat!(
            r#"{"requests":[{"machines":[],"message":"there is no such request","#,
            r#""requestId":"a681e4c2-7ba1-4ac8-934a-c7337e59c5a4","status":"complete_with_error"}]}"#
        )
    );
}

/// The messages of other Host Factories and providers' fixtures: all are taken, but for templates that this site has not.
#[test]
fn sample_messages() {
    let Ok(folder) = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").read_dir() else {
        return skipped("there is no folder of sample messages");
    };
    let site = Site::new();
    for file in folder.map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some((script, _)) = name.split_once('-').and_then(|(_, rest)| rest.split_once("-in-")) else {
            continue;
        };
        let call: Call = script.parse().unwrap();
        let printed = site.call(call, fs::read(&file).unwrap());
        if call == Call::RequestMachines {
            printed.refused(&["unknown template"]);
        } else {
            printed.answer();
        }
    }
}
