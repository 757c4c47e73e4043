//! Each failure that the checker is for, made by hand: a checker that finds nothing proves nothing.

use super::super::books::{Announced, Returned};
use super::*;

fn books() -> Books {
    Books::new(0, tempfile::tempfile().unwrap())
}

fn event(at: Nanos, change: &str, phase: &str) -> Event {
    let (address, uid) = ("10.0.0.1".to_owned(), "u".to_owned());
    let (change, phase) = (change.to_owned(), phase.to_owned());
    Event { at, uid, change, phase, address, deleting: false, disrupted: false }
}

fn deleting(at: Nanos) -> Event {
    Event { deleting: true, ..event(at, "MODIFIED", "Running") }
}

/// A pod that runs from 20 on.
fn running() -> Vec<Event> {
    vec![event(10, "ADDED", "Pending"), event(20, "MODIFIED", "Running")]
}

fn delivered(books: &mut Books, at: Nanos, address: &str) {
    books.machine("r-0").delivered = Some((at, Outcome::Succeed, address.to_owned()));
}

fn returned(books: &mut Books, began: Nanos) {
    let returned = Returned { began, ended: began + 1, id: None };
    books.machine("r-0").returns.push(returned);
}

/// What is found about the only pod.
#[track_caller]
fn finds(mut books: Books, events: Vec<Event>, expected: &[&str]) {
    check_cluster(&mut books, &Pods::of_one("r-0", events));
    let found: Vec<_> = books.failures.iter().map(|failure| failure.what.as_str()).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_machine_that_came_and_went_as_asked_is_well() {
    let mut books = books();
    delivered(&mut books, 30, "10.0.0.1");
    returned(&mut books, 40);
    books.machine("r-0").gone = Some(60);
    let end = [deleting(45), event(50, "DELETED", "Succeeded")];
    finds(books, running().into_iter().chain(end).collect(), &[]);
}

#[test]
fn a_pod_that_is_left_is_found() {
    finds(books(), running(), &["the pod r-0 is still Running, and Host Factory has no machine for it"]);
    let mut known = books();
    returned(&mut known, 40);
    finds(known, running(), &["r-0 was returned, and its pod is still Running"]);
    let mut gone = books();
    gone.machine("r-0").gone = Some(60);
    let what = "the pod of the returned machine r-0 is still Running";
    finds(gone, running(), &[what, "r-0 was told to be gone, and its pod was there"]);
}

#[test]
fn a_pod_that_is_made_again_is_found() {
    let mut events = running();
    events.push(event(30, "DELETED", "Running"));
    events.push(event(40, "ADDED", "Pending"));
    events.push(event(50, "DELETED", "Pending"));
    finds(books(), events.clone(), &["2 pods were made for r-0, one after the other"]);
    let mut gone = books();
    gone.machine("r-0").gone = Some(35);
    let again = "2 pods were made for r-0, one after the other";
    finds(gone, events, &[again, "r-0 was told to be gone, and its pod was there"]);
}

#[test]
fn a_delivery_of_what_did_not_run_is_found() {
    let end = event(90, "DELETED", "Running");
    let mut early = books();
    delivered(&mut early, 15, "10.0.0.1");
    returned(&mut early, 40);
    let what = "r-0 was told to run at \"10.0.0.1\", and did not";
    finds(early, running().into_iter().chain([end.clone()]).collect(), &[what]);
    let mut elsewhere = books();
    delivered(&mut elsewhere, 30, "10.0.0.2");
    let what = "r-0 was told to run at \"10.0.0.2\", and did not";
    finds(elsewhere, running().into_iter().chain([end]).collect(), &[what]);
}

#[test]
fn a_host_that_nobody_returned_and_that_goes_is_found() {
    let end = [deleting(45), event(50, "DELETED", "Succeeded")];
    let all = || running().into_iter().chain(end.clone()).collect::<Vec<_>>();
    let host = || {
        let mut books = books();
        delivered(&mut books, 30, "10.0.0.1");
        books
    };
    finds(host(), all(), &["the healthy host r-0 was deleted, and nobody had returned it"]);
    let mut late = host();
    returned(&mut late, 46);
    finds(late, all(), &["the healthy host r-0 was deleted, and nobody had returned it"]);
    let mut ours = host();
    ours.machine("r-0").touched = Some(40);
    finds(ours, all(), &[]);
    let failed = [running(), vec![event(40, "MODIFIED", "Failed")], end.to_vec()].concat();
    finds(host(), failed, &[]);
}

#[test]
fn a_healthy_host_that_is_announced_is_found() {
    let announced = |from, to| {
        let mut books = books();
        delivered(&mut books, 30, "10.0.0.1");
        returned(&mut books, 44);
        books.announced.push(Announced { name: "r-0".into(), began: from, ended: to, grace: 0 });
        books
    };
    let all = || running().into_iter().chain([deleting(45), event(50, "DELETED", "Running")]).collect();
    finds(announced(32, 40), all(), &["the healthy host r-0 was announced with grace 0"]);
    finds(announced(32, 48), all(), &[]);
    finds(announced(46, 48), all(), &[]);
    finds(announced(60, 70), all(), &[]);
}
