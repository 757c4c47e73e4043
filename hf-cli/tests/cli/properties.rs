//! Laws. `PROPTEST_CASES=12500` makes a hundred thousand inputs of it.

mod finality;
mod inputs;
mod lives;
mod order;
