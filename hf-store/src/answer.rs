//! Giving the terminal answer: recorded before it is printed, repeated for ever (rule 3).

use hf_core::status::{MachineResult, Outcome, RequestStatus};
use jiff::Timestamp;

use crate::error::Result;
use crate::events::Event;
pub use crate::machines::MachineRow;
use crate::requests::RequestKind;
pub use crate::requests::RequestRow;
pub use crate::returns::Returned;
use crate::spelling::Spelt;
use crate::store::Tx;

/// What is answered for one machine: its key (acquire) or place (return), and the outcome.
pub type Answered = (i64, Outcome);

impl Tx<'_> {
    /// Records the terminal answer of a request. One that was given before stays.
    pub fn give_answer(
        &self,
        request: &RequestRow,
        status: RequestStatus,
        outcomes: &[Answered],
        now: Timestamp,
    ) -> Result<()> {
        let sql = "UPDATE requests SET answer = ?2, answered_at = ?3, claimed = 1 WHERE seq = ?1 AND answer IS NULL";
        let given = (request.seq, status.spelling(), now.as_millisecond());
        if self.prepare(sql)?.execute(given)? == 0 {
            return Ok(());
        }
        let acquire =
            "UPDATE machines SET result = ?3, result_message = ?4, result_ip = ?5, result_launched_at = ?6
                       WHERE request = ?1 AND seq = ?2";
        let giving_back = "UPDATE returned SET result_message = ?4, result_ip = ?5, result_launched_at = ?6
                           WHERE request = ?1 AND position = ?2 AND ?3 = 'succeed'";
        let mut update = self.prepare(match request.kind {
            RequestKind::Acquire => acquire,
            RequestKind::Return => giving_back,
        })?;
        for (key, outcome) in outcomes {
            let result = if outcome.result == MachineResult::Succeed { "succeed" } else { "fail" };
            let launched_at = outcome.launched_at.as_millisecond();
            update.execute((request.seq, key, result, &outcome.message, &outcome.ip, launched_at))?;
        }
        self.note(now, request.seq, None, Event::Answered, status.spelling())
    }
}

#[cfg(test)]
mod tests;
