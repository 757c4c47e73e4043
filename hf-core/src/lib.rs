//! The provider interface of IBM Spectrum Symphony's host factory: messages, domain and decisions.
