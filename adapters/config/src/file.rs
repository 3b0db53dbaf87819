//! The settings as a flat table of any self-describing format.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::PolicyConfig;
use crate::setting::Value;

impl Serialize for PolicyConfig {
    /// The fields that are set, durations as text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = Self::FIELDS.iter().filter_map(|field| Some((field, self.value(field)?)));
        let mut map = serializer.serialize_map(None)?;
        for (field, value) in set {
            match value {
                Value::Text(text) => map.serialize_entry(field, &text)?,
                Value::Integer(number) => map.serialize_entry(field, &number)?,
                Value::Float(number) => map.serialize_entry(field, &number)?,
                Value::Truth(truth) => map.serialize_entry(field, &truth)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PolicyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = PolicyConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of policy settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyConfig, A::Error> {
        let mut config = PolicyConfig::default();
        let mut seen = Vec::new();
        while let Some(Field(field)) = map.next_key()? {
            if seen.contains(&field) {
                return Err(A::Error::duplicate_field(field));
            }
            seen.push(field);
            map.next_value_seed(Set { config: &mut config, field })?;
        }
        Ok(config)
    }
}

/// A key, refused where it stands: a format that knows lines and columns then tells them.
struct Field(&'static str);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a setting")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Field, E> {
        let field = PolicyConfig::FIELDS.iter().find(|field| **field == key);
        field.map(|field| Field(field)).ok_or_else(|| {
            // Whatever a file holds must not forge a second line of a log.
            E::unknown_field(&key.escape_debug().to_string(), PolicyConfig::FIELDS)
        })
    }
}

/// Sets a field to its value, which is refused where it stands too.
struct Set<'a> {
    config: &'a mut PolicyConfig,
    field: &'static str,
}

impl<'de> DeserializeSeed<'de> for Set<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match deserializer.deserialize_any(Scalar(self.field))? {
            Some(text) => self.config.set(self.field, &text).map_err(D::Error::custom),
            None => Ok(()),
        }
    }
}

/// Any scalar of a field as text; `None` for a null.
struct Scalar(&'static str);

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text, a number or a truth value for {}", self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i128<E: serde::de::Error>(self, number: i128) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(truth.to_string()))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        inner.deserialize_any(self)
    }
}
