//! The contract's rules, each with the cases of `failures.md` that it answers.

mod acquire;
mod claims;
mod final_answers;
mod identity;
mod known_ground;
mod reclaim;
mod returns;
mod silence;
mod templates;
