//! The JSON Schema of a file, made from the declarations of its tables.

use serde_json::{Map, Value, json};

use super::shape::{Shape, TableShape, UnionShape};

/// The JSON Schema (draft 2020-12) of a file of this shape.
pub fn schema(title: &str, shape: Shape) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(title));
    if let Value::Object(file) = of(shape) {
        schema.extend(file);
    }
    Value::Object(schema)
}

fn of(shape: Shape) -> Value {
    match shape {
        Shape::Leaf(leaf) => (leaf.schema)(),
        Shape::Choice(choices) => {
            let each = choices.iter().map(|(word, doc)| json!({"const": word, "description": doc}));
            json!({"oneOf": each.collect::<Vec<_>>()})
        }
        Shape::Table(table) => of_table(table),
        Shape::Union(union) => of_union(union),
        Shape::List(list) => {
            json!({"type": "array", "items": of(list.item), "minItems": list.min, "maxItems": list.max})
        }
        Shape::Map(map) => {
            json!({"type": "object", "additionalProperties": of(map.item), "maxProperties": map.max})
        }
        Shape::OneOrMore(list) => json!({"anyOf": [of(list.item), of(Shape::List(list))]}),
        Shape::OrNone(shape) => json!({"anyOf": [{"const": "none"}, of(*shape)]}),
        Shape::Any => json!({}),
    }
}

fn of_table(table: &TableShape) -> Value {
    let mut properties = Map::new();
    for field in table.fields {
        let mut property = described(of(field.shape), field.doc);
        if let (Value::Object(property), Some(default)) = (&mut property, field.default) {
            property.insert("default".to_owned(), to_json(&default()));
        }
        properties.insert(field.key.to_owned(), property);
    }
    let required: Vec<&str> = table.fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    let mut schema = json!({
        "type": "object",
        "description": text(table.doc),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if let Some(dotted) = table.dotted {
        schema["patternProperties"] = json!({"[.]": described(of(dotted.shape), dotted.doc)});
    }
    schema
}

fn of_union(union: &UnionShape) -> Value {
    let properties: Map<String, Value> =
        union.all().map(|kind| (kind.key.to_owned(), described(of(kind.shape), kind.doc))).collect();
    let table = json!({
        "type": "object",
        "description": text(union.doc),
        "properties": properties,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    if union.words {
        let words: Vec<&str> = union.all().map(|kind| kind.key).collect();
        return json!({"anyOf": [{"enum": words}, table]});
    }
    table
}

/// With the meaning of the key, which says more than that of its type.
fn described(mut schema: Value, doc: &str) -> Value {
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(text(doc)));
    }
    schema
}

fn text(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn to_json(value: &super::tree::Value) -> Value {
    use super::tree::Value as Toml;
    match value {
        Toml::Text(text) | Toml::Datetime(text) => json!(text),
        Toml::Integer(number) => json!(number.and_then(|number| i64::try_from(number).ok())),
        Toml::Float(number) => json!(number),
        Toml::Boolean(value) => json!(value),
        Toml::List(elements) => elements.iter().map(|element| to_json(&element.value)).collect(),
        Toml::Table(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node.value))).collect())
        }
    }
}
