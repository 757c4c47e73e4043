use tokio::time::advance;

use super::*;

fn template(id: &str) -> TemplateId {
    TemplateId::parse(id).unwrap()
}

/// Sends as many as there is room for, up to `most`, and returns how many.
fn send(pauses: &mut Pauses, template: &TemplateId, most: usize) -> usize {
    let room = pauses.room(template, Instant::now()).min(most);
    for _ in 0..room {
        pauses.sent(template);
    }
    room
}

fn refuse(pauses: &mut Pauses, template: &TemplateId, times: usize) {
    for _ in 0..times {
        pauses.refused(template, "full", Instant::now());
    }
}

fn create(pauses: &mut Pauses, template: &TemplateId, times: usize) {
    for _ in 0..times {
        pauses.created(template, Instant::now());
    }
}

/// How many tries a template that is always refused gets in this time, looked at four times a second.
async fn tries(pauses: &mut Pauses, template: &TemplateId, time: Duration) -> usize {
    let (end, mut tries) = (Instant::now() + time, 0);
    while Instant::now() < end {
        let sent = send(pauses, template, 16);
        refuse(pauses, template, sent);
        tries += sent;
        advance(Duration::from_millis(250)).await;
    }
    tries
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_refused_is_tried_with_one_machine_and_less_and_less_often() {
    let (mut pauses, full) = (Pauses::default(), template("full"));
    // The first burst is refused as a whole; it is one refusal.
    let in_a_minute = tries(&mut pauses, &full, Duration::from_mins(1)).await;
    assert!((16 + 5..=16 + 8).contains(&in_a_minute), "{in_a_minute}");
    let in_an_hour = tries(&mut pauses, &full, Duration::from_hours(1)).await;
    assert!((60..=125).contains(&in_an_hour), "{in_an_hour}");
}

#[tokio::test(start_paused = true)]
async fn no_other_template_waits() {
    let (mut pauses, full, other) = (Pauses::default(), template("full"), template("other"));
    send(&mut pauses, &full, 1);
    refuse(&mut pauses, &full, 1);
    assert_eq!((pauses.room(&full, Instant::now()), pauses.room(&other, Instant::now())), (0, usize::MAX));
}

#[tokio::test(start_paused = true)]
async fn what_is_created_opens_the_way_step_by_step_and_wholly() {
    let (mut pauses, full) = (Pauses::default(), template("full"));
    send(&mut pauses, &full, 1);
    refuse(&mut pauses, &full, 1);
    advance(Duration::from_secs(1)).await;
    let mut steps = Vec::new();
    for _ in 0..8 {
        let sent = send(&mut pauses, &full, 100);
        steps.push(sent);
        create(&mut pauses, &full, sent);
    }
    assert_eq!((steps[0], steps[1], steps[7]), (1, 2, 100), "{steps:?}");
    assert!(pauses.0.is_empty(), "nothing is remembered of a template without trouble");
}

#[tokio::test(start_paused = true)]
async fn the_first_that_is_created_sets_the_steps_back() {
    let (mut pauses, full) = (Pauses::default(), template("full"));
    tries(&mut pauses, &full, Duration::from_mins(10)).await;
    advance(Duration::from_mins(1)).await;
    assert_eq!(send(&mut pauses, &full, 9), 1);
    create(&mut pauses, &full, 1);
    let sent = send(&mut pauses, &full, 9);
    refuse(&mut pauses, &full, sent);
    assert_eq!(pauses.room(&full, Instant::now()), 0);
    advance(Duration::from_secs(1)).await;
    assert_eq!(pauses.room(&full, Instant::now()), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_refusal_does_not_end_the_pause() {
    let (mut pauses, full) = (Pauses::default(), template("full"));
    send(&mut pauses, &full, 4);
    refuse(&mut pauses, &full, 1);
    create(&mut pauses, &full, 3);
    assert_eq!(pauses.room(&full, Instant::now()), 0);
    assert_eq!(pauses.refusals().map(|(_, message, _)| message.to_owned()).collect::<Vec<_>>(), ["full"]);
}

#[tokio::test(start_paused = true)]
async fn a_try_of_which_nothing_is_known_makes_room_for_another() {
    let (mut pauses, full) = (Pauses::default(), template("full"));
    send(&mut pauses, &full, 1);
    refuse(&mut pauses, &full, 1);
    advance(Duration::from_secs(1)).await;
    assert_eq!((send(&mut pauses, &full, 9), send(&mut pauses, &full, 9)), (1, 0));
    pauses.came_back(&full);
    assert_eq!(send(&mut pauses, &full, 9), 1);
}
