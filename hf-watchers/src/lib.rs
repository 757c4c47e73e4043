//! Three programs that turn requests into pods and pods into answers.
