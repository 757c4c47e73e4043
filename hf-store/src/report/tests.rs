use super::*;
use crate::Error;
use crate::testing::{Bed, in_both_modes, later, now};

#[test]
fn a_machine_is_reported_with_its_request_and_its_history_in_order() {
    in_both_modes(|mut bed| {
        let id = bed.running(2);
        let back = bed.give_back(&[id.machine(1).as_str()]);
        let all = bed.read(|tx| tx.report_machines(&ReportFilter::default()));
        assert_eq!(all.iter().map(|one| one.ordinal).collect::<Vec<_>>(), [0, 1]);
        assert!(
            all.iter().all(|one| one.request == id && one.template == "T1" && one.row.machine.facts.running)
        );
        let seq = all[1].row.seq;
        let kinds =
            |history: Vec<HistoryEntry>| history.into_iter().map(|entry| entry.kind).collect::<Vec<_>>();
        let history = bed.read(|tx| tx.history_of_machine(seq));
        assert_eq!(kinds(history), ["created", "scheduled", "pulled", "running", "ready", "returned"]);
        let request = bed.seq(&id);
        let history = bed.read(|tx| tx.history_of_request(request));
        assert_eq!((history[0].kind.as_str(), history[0].machine), ("requested", None));
        assert_eq!(bed.read(|tx| tx.returns_of(seq)), [back]);
    });
}

#[test]
fn filters_bound_the_time_and_name_the_template() {
    let mut bed = Bed::new(false);
    bed.request(1);
    let mut count = |filter: ReportFilter| {
        bed.read(|tx| Ok((tx.report_requests(&filter)?.len(), tx.report_machines(&filter)?.len())))
    };
    let since = |at| ReportFilter { since: Some(at), ..ReportFilter::default() };
    let until = |at| ReportFilter { until: Some(at), ..ReportFilter::default() };
    assert_eq!(count(since(now())), (1, 1));
    assert_eq!(count(since(later(1))), (0, 0));
    assert_eq!(count(until(now())), (1, 1));
    assert_eq!(count(until(later(-1))), (0, 0));
    assert_eq!(count(ReportFilter { template: Some("other".into()), ..ReportFilter::default() }), (0, 0));
}

#[test]
fn another_instance_sees_nothing() {
    let mut bed = Bed::new(false);
    bed.request(1);
    let mut other = bed.connect_as("other");
    let seen = other.read(|tx| {
        let filter = ReportFilter::default();
        Ok::<_, Error>((
            tx.report_requests(&filter)?.len(),
            tx.report_machines(&filter)?.len(),
            tx.instances()?,
        ))
    });
    assert_eq!(seen.unwrap(), (0, 0, vec!["k8s-hf".to_owned()]));
}
