//! Just as much of JSON Schema as the two files of `docs/schema` use.

use serde_json::Value;

const FINDING: &str = include_str!("../../docs/schema/finding-1.json");
const REPORT: &str = include_str!("../../docs/schema/report-1.json");

/// Both schemas. A keyword that is not known here is an error, so nothing goes unchecked.
pub(crate) struct Schemas {
    pub(crate) finding: Value,
    pub(crate) report: Value,
}

impl Schemas {
    pub(crate) fn load() -> Self {
        Self {
            finding: serde_json::from_str(FINDING).unwrap(),
            report: serde_json::from_str(REPORT).unwrap(),
        }
    }

    pub(crate) fn check(
        &self,
        root: &Value,
        schema: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let fail = |what: &str| Err(format!("{at}: {what}: {value}"));
        for (keyword, rule) in schema.as_object().ok_or("schema")? {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "$ref" => {
                    let target = rule.as_str().unwrap();
                    let (root, place) = match target.strip_prefix("urn:whylencr:finding:1") {
                        Some(place) => (&self.finding, place),
                        None => (root, target),
                    };
                    let place = place.strip_prefix('#').unwrap_or(place);
                    self.check(root, root.pointer(place).ok_or("ref")?, value, at)?;
                }
                "anyOf" => {
                    if rule
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|s| self.check(root, s, value, at).is_err())
                    {
                        return fail("none of anyOf");
                    }
                }
                "type" => {
                    let is = |name: &Value| match name.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "null" => value.is_null(),
                        "number" => value.is_number(),
                        "integer" => value.is_u64() || value.is_i64(),
                        other => panic!("type {other}"),
                    };
                    if !rule
                        .as_array()
                        .map_or_else(|| is(rule), |names| names.iter().any(is))
                    {
                        return fail("type");
                    }
                }
                "const" if rule != value => return fail("const"),
                "enum" if !rule.as_array().unwrap().contains(value) => return fail("enum"),
                "const" | "enum" => {}
                "minimum" => {
                    if value.as_u64().is_some_and(|n| n < rule.as_u64().unwrap()) {
                        return fail("minimum");
                    }
                }
                // Two patterns are in use: a time and hex.
                "pattern" => {
                    if let Some(text) = value.as_str() {
                        let hex = text.len() % 2 == 0
                            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                        let time =
                            text.ends_with('Z') && text.len() == 30 && text.as_bytes()[19] == b'.';
                        let hex_wanted = rule.as_str().unwrap().contains("a-f");
                        if if hex_wanted { !hex } else { !time } {
                            return fail("pattern");
                        }
                    }
                }
                "required" => {
                    if let Some(object) = value.as_object() {
                        for name in rule.as_array().unwrap() {
                            if !object.contains_key(name.as_str().unwrap()) {
                                return fail(&format!("lacks {name}"));
                            }
                        }
                    }
                }
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.check(root, schema, member, &format!("{at}.{name}"))?;
                        }
                    }
                }
                "additionalProperties" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        let known = schema
                            .get("properties")
                            .is_some_and(|p| p.get(name).is_some());
                        match rule {
                            _ if known => {}
                            Value::Bool(false) => return fail(&format!("has {name}")),
                            rule => self.check(root, rule, member, &format!("{at}.{name}"))?,
                        }
                    }
                }
                "items" => {
                    for member in value.as_array().into_iter().flatten() {
                        self.check(root, rule, member, &format!("{at}[]"))?;
                    }
                }
                other => panic!("keyword {other}"),
            }
        }
        Ok(())
    }
}
