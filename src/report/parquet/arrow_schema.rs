//! The schema of a file as readers that use Arrow see it: which names are dictionaries, and the units of columns.
//!
//! It is an entry of the file's metadata: a message of Arrow's interprocess format, as base64. The numbers of types, slots and
//! versions are those of `Message.fbs` and `Schema.fbs` (<https://arrow.apache.org/docs/format/Columnar.html>).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, WIPOffset};

use super::{Field, Kind};

/// `MetadataVersion.V5`.
const VERSION: i16 = 4;
/// `MessageHeader.Schema`.
const HEADER_SCHEMA: u8 = 1;
/// `Precision.DOUBLE`.
const PRECISION_DOUBLE: i16 = 2;
/// Before the length of a message.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// Members of the union `Type`.
#[derive(Clone, Copy)]
#[repr(u8)]
enum ArrowType {
    Int = 2,
    FloatingPoint = 3,
    Utf8 = 5,
    Bool = 6,
}

type Builder = FlatBufferBuilder<'static>;
type Table = WIPOffset<TableFinishedWIPOffset>;

/// The value of `ARROW:schema`.
pub(super) fn encode(fields: &[Field<'_>]) -> String {
    let mut to = Builder::new();
    let mut dictionaries = 0;
    let fields: Vec<_> = fields.iter().map(|one| field(one, &mut dictionaries, &mut to)).collect();
    let fields = to.create_vector(&fields);
    let schema = table(&mut to, |to| to.push_slot_always(slot(1), fields));
    let message = table(&mut to, |to| {
        to.push_slot(slot(0), VERSION, 0);
        to.push_slot(slot(1), HEADER_SCHEMA, 0);
        to.push_slot_always(slot(2), schema);
    });
    to.finish(message, None);
    let message = to.finished_data();
    let length = (message.len() as u32).to_le_bytes();
    BASE64_STANDARD.encode([&CONTINUATION[..], &length, message].concat())
}

fn field(field: &Field<'_>, dictionaries: &mut i64, to: &mut Builder) -> Table {
    let name = to.create_string(field.name);
    let (member, of) = match field.kind {
        Kind::Text | Kind::Name => (ArrowType::Utf8, table(to, |_| {})),
        Kind::Int64 => (ArrowType::Int, int(64, true, to)),
        Kind::UInt64 => (ArrowType::Int, int(64, false, to)),
        Kind::UInt32 => (ArrowType::Int, int(32, false, to)),
        Kind::Float64 => (ArrowType::FloatingPoint, table(to, |to| to.push_slot(slot(0), PRECISION_DOUBLE, 0))),
        Kind::Bool => (ArrowType::Bool, table(to, |_| {})),
    };
    let dictionary = (field.kind == Kind::Name).then(|| {
        let index = int(32, true, to);
        let id = *dictionaries;
        *dictionaries += 1;
        table(to, |to| {
            to.push_slot(slot(0), id, 0);
            to.push_slot_always(slot(1), index);
        })
    });
    let no_children = to.create_vector::<Table>(&[]);
    let metadata = (!field.unit.is_empty()).then(|| {
        let (key, value) = (to.create_string("unit"), to.create_string(field.unit));
        let pair = table(to, |to| {
            to.push_slot_always(slot(0), key);
            to.push_slot_always(slot(1), value);
        });
        to.create_vector(&[pair])
    });
    table(to, |to| {
        to.push_slot_always(slot(0), name);
        to.push_slot(slot(1), field.is_optional, false);
        to.push_slot(slot(2), member as u8, 0);
        to.push_slot_always(slot(3), of);
        if let Some(dictionary) = dictionary {
            to.push_slot_always(slot(4), dictionary);
        }
        to.push_slot_always(slot(5), no_children);
        if let Some(metadata) = metadata {
            to.push_slot_always(slot(6), metadata);
        }
    })
}

fn int(bits: i32, is_signed: bool, to: &mut Builder) -> Table {
    table(to, |to| {
        to.push_slot(slot(0), bits, 0);
        to.push_slot(slot(1), is_signed, false);
    })
}

/// A table with what `fill` puts into its slots.
fn table(to: &mut Builder, fill: impl FnOnce(&mut Builder)) -> Table {
    let start = to.start_table();
    fill(to);
    to.end_table(start)
}

/// Where the vtable of a table has the offset of a slot.
const fn slot(number: u16) -> u16 {
    4 + 2 * number
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use ::arrow_schema::{DataType, Field as ArrowField, Schema};
    use parquet::arrow::{encode_arrow_schema, parquet_to_arrow_schema};
    use parquet::file::metadata::KeyValue;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    const FIELDS: [(Kind, DataType); 6] = [
        (Kind::Text, DataType::Utf8),
        (Kind::Int64, DataType::Int64),
        (Kind::UInt64, DataType::UInt64),
        (Kind::UInt32, DataType::UInt32),
        (Kind::Float64, DataType::Float64),
        (Kind::Bool, DataType::Boolean),
    ];

    /// What Arrow reads is what was meant, and what it would have read of its own encoding.
    #[test]
    fn arrow_reads_the_same_schema_as_its_own() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let kinds = FIELDS.into_iter().chain([(Kind::Name, dictionary.clone()), (Kind::Name, dictionary)]);
        let (mut fields, mut expected) = (Vec::new(), Vec::new());
        for (place, (kind, of)) in kinds.enumerate() {
            let name: &str = ["a", "b", "c", "d_s", "e", "f", "g", "h"][place];
            let (is_optional, unit) = (place % 2 == 0, if place == 3 { "USD" } else { "" });
            fields.push(Field { name, kind, is_optional, unit });
            let unit = (!unit.is_empty()).then(|| ("unit".to_owned(), unit.to_owned()));
            expected.push(
                ArrowField::new(name, of, is_optional).with_metadata(unit.into_iter().collect::<HashMap<_, _>>()),
            );
        }
        let expected = Schema::new(expected);
        let columns = SchemaDescriptor::new(super::super::schema(&fields).unwrap());
        let read = |text: String| {
            let entry = vec![KeyValue::new("ARROW:schema".to_owned(), text)];
            parquet_to_arrow_schema(&columns, Some(&entry)).unwrap()
        };
        assert_eq!(read(encode(&fields)), expected);
        assert_eq!(read(encode_arrow_schema(&expected)), expected);
    }
}
