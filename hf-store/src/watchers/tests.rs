use super::*;
use crate::testing::{in_both_modes, later, now};

#[test]
fn the_last_sign_of_life_of_each_program_is_kept() {
    in_both_modes(|mut bed| {
        let beat = |program: &str, at| Heartbeat {
            program: program.to_owned(),
            host: "h".to_owned(),
            pid: 7,
            started_at: now(),
            beat_at: at,
            trouble: "no credentials".to_owned(),
        };
        bed.write(|tx| tx.beat(&beat("a", now())).and_then(|()| tx.beat(&beat("b", now()))));
        bed.write(|tx| tx.beat(&beat("a", later(10))));
        assert_eq!(bed.read(|tx| tx.heartbeats()), [beat("a", later(10)), beat("b", now())]);
        assert_eq!(bed.connect_as("other").read(|tx| tx.heartbeats()).unwrap(), []);
    });
}
