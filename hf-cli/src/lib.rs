//! The five commands that Host Factory's scripts call.
