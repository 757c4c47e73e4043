//! Attributes of a template: read in every spelling that sites use, printed in the one that Host Factory takes.

use std::collections::BTreeMap;

use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The attributes of one template, by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// What an attribute's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Numeric,
    /// Text.
    String,
    /// True or false.
    Boolean,
}

/// One attribute, printed as `["Numeric", "2"]`: the value is always a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What the value means.
    pub kind: Kind,
    /// The value.
    pub value: String,
}

impl Attribute {
    /// A number.
    pub fn number(value: impl ToString) -> Self {
        Self { kind: Kind::Numeric, value: value.to_string() }
    }

    /// Text.
    pub fn string(value: impl Into<String>) -> Self {
        Self { kind: Kind::String, value: value.into() }
    }

    /// Reads `["Numeric", "2"]`, the predecessor's `["2"]`, or a plain `2`, `"2"` or `true`. Where the kind is not
    /// given, what can be read as a number is one.
    ///
    /// # Errors
    /// With what is wrong, to follow the attribute's name.
    pub fn read(json: &Value) -> Result<Self, String> {
        match json {
            Value::Array(pair) => match pair.as_slice() {
                [value] => Self::plain(value),
                [Value::String(kind), value] => Self::of_kind(kind, value),
                _ => Err("is not [kind, value], where kind is Numeric, String or Boolean".to_owned()),
            },
            plain => Self::plain(plain),
        }
    }

    /// Reads the attribute of this name. Those by which Symphony sizes its demand (`ncpus`, `ncores`, `nram`) are numbers
    /// above 0, and `type` is text, however they are spelt.
    ///
    /// # Errors
    /// With what is wrong, to follow the attribute's name.
    pub fn read_as(name: &str, json: &Value) -> Result<Self, String> {
        let Self { kind, value } = Self::read(json)?;
        match name {
            "ncpus" | "ncores" | "nram"
                if is_number(&value) && value.parse().is_ok_and(|number: f64| number > 0.0) =>
            {
                Ok(Self { kind: Kind::Numeric, value })
            }
            "ncpus" | "ncores" | "nram" => Err(format!("is {value:?}, which is not a number above 0")),
            "type" => Ok(Self { kind: Kind::String, value }),
            _ => Ok(Self { kind, value }),
        }
    }

    fn of_kind(kind: &str, value: &Value) -> Result<Self, String> {
        let value = text(value)?;
        let (kind, fits) = match kind.to_ascii_lowercase().as_str() {
            "numeric" => (Kind::Numeric, is_number(&value)),
            "boolean" => (Kind::Boolean, ["true", "false", "0", "1"].contains(&&*value.to_ascii_lowercase())),
            "string" => (Kind::String, true),
            _ => return Err(format!("has the kind {kind:?}, which is none of Numeric, String and Boolean")),
        };
        if fits { Ok(Self { kind, value }) } else { Err(format!("is {value:?}, which is not {kind:?}")) }
    }

    fn plain(json: &Value) -> Result<Self, String> {
        let value = text(json)?;
        let kind = match json {
            Value::Bool(_) => Kind::Boolean,
            _ if is_number(&value) => Kind::Numeric,
            _ => Kind::String,
        };
        Ok(Self { kind, value })
    }
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match self.kind {
            Kind::Numeric => "Numeric",
            Kind::String => "String",
            Kind::Boolean => "Boolean",
        };
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(kind)?;
        pair.serialize_element(&self.value)?;
        pair.end()
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(reader)?;
        Self::read(&json).map_err(|reason| serde::de::Error::custom(format!("the attribute {reason}")))
    }
}

fn text(json: &Value) -> Result<String, String> {
    match json {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("is {other}, which is not a text, a number or a boolean")),
    }
}

/// A number as C's `strtod` and EGO's resource requirements read it: no `inf`, no `nan`.
fn is_number(text: &str) -> bool {
    text.bytes().next_back().is_some_and(|b| b.is_ascii_digit() || b == b'.') && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(json: Value, printed: Value) {
        let attribute = Attribute::read(&json).unwrap();
        assert_eq!(serde_json::to_value(&attribute).unwrap(), printed, "{json}");
        assert_eq!(Attribute::read(&printed).unwrap(), attribute, "what is printed is read again");
    }

    #[test]
    fn every_spelling_is_printed_as_a_pair_of_strings() {
        check(json!(["Numeric", "4096"]), json!(["Numeric", "4096"]));
        check(json!(["numeric", 4096]), json!(["Numeric", "4096"]));
        check(json!(["4096"]), json!(["Numeric", "4096"]));
        check(json!([4096]), json!(["Numeric", "4096"]));
        check(json!(4096), json!(["Numeric", "4096"]));
        check(json!("0.5"), json!(["Numeric", "0.5"]));
        check(json!("X86_64"), json!(["String", "X86_64"]));
        check(json!(["String", "2"]), json!(["String", "2"]));
        check(json!(true), json!(["Boolean", "true"]));
        check(json!(["Boolean", 1]), json!(["Boolean", "1"]));
        check(json!("nan"), json!(["String", "nan"]));
    }

    #[test]
    fn what_sizes_the_demand_is_a_number_above_0() {
        for name in ["ncpus", "ncores", "nram"] {
            assert_eq!(Attribute::read_as(name, &json!(["String", "4"])), Ok(Attribute::number(4)), "{name}");
            for bad in
                [json!(false), json!("many"), json!(0), json!(-1), json!("-0.5"), json!("inf"), json!("nan")]
            {
                let read = Attribute::read_as(name, &bad);
                assert!(read.is_err_and(|why| why.contains("above 0")), "{name}: {bad}");
            }
        }
        assert_eq!(Attribute::read_as("type", &json!(390)), Ok(Attribute::string("390")));
        assert_eq!(Attribute::read_as("rank", &json!(0)), Ok(Attribute::number(0)));
    }

    #[test]
    fn what_is_none_says_why() {
        for (json, reason) in [
            (json!(["Numeric", "many"]), "not Numeric"),
            (json!(["Number", "1"]), "none of Numeric"),
            (json!([]), "[kind, value]"),
            (json!(["a", "b", "c"]), "[kind, value]"),
            (json!({"a": 1}), "not a text"),
            (json!(null), "not a text"),
        ] {
            let error = Attribute::read(&json).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
