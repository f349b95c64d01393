//! Where rows and fields begin and end, and what is refused.

use proptest::prelude::*;

use super::*;

#[test]
fn of_a_row_with_too_many_fields_only_the_number_is_known() {
    for (row, fields) in
        [("a".to_owned(), 1), ("a,".repeat(1_000), 1_001), (format!("\"a\",{}\r", ",".repeat(998)), 1_000)]
    {
        let text = format!("x,y\n{row}\n");
        let mut table = Table::open(&Input::of_bytes("x", text.into_bytes()), None).unwrap();
        let row = table.next().unwrap().unwrap();
        assert!(row.rows.row.begins.len() < 100);
        let word = if fields == 1 { "field" } else { "fields" };
        assert_eq!(row.field(0).unwrap_err().to_string(), format!("x:2: the row has {fields} {word}, the header 2"));
    }
}

#[test]
fn a_line_that_names_no_separator_is_the_header() {
    let columns =
        |text: &str| Table::open(&Input::of_bytes("x", text.as_bytes().to_vec()), None).unwrap().columns().to_vec();
    assert_eq!(columns("sep=;\nx;y\n1;2\n"), ["x", "y"]);
    for first in ["sep=\r\r", "sep=\"", "sep=1", "sep=."] {
        assert_eq!(columns(&format!("{first}\nx,y\n")).len(), 1, "{first}");
    }
}

#[test]
fn columns_beyond_measure_are_refused() {
    let open = |columns: usize| {
        let text = format!("\n{}\n", vec!["x"; columns].join(","));
        Table::open(&Input::of_bytes("x", text.into_bytes()), None).map(|table| table.columns().len())
    };
    assert_eq!(open(COLUMNS_MAX), Ok(COLUMNS_MAX));
    let error = open(COLUMNS_MAX + 1).unwrap_err().to_string();
    assert_eq!(error, "x:2: the header has 100001 columns; at most 100000 are read");
}

/// Behind it there is what the memory of the block held before.
#[test]
fn the_last_line_need_not_end() {
    for (length, rows) in (8..100).flat_map(|length| (1..40).map(move |rows| (length, rows))) {
        for last in ["c,d", "c,dd", "c,ddd", "c,dddd"] {
            let text = "x,yyy\n".to_owned() + &"a,b\n".repeat(rows) + last;
            let mut table = Table::open_in_blocks(&Input::of_bytes("x", text.into_bytes()), None, length).unwrap();
            for _ in 0..rows {
                assert_eq!(table.next().unwrap().unwrap().field(1).unwrap(), b"b");
            }
            assert_eq!(table.next().unwrap().unwrap().field(1).unwrap(), &last.as_bytes()[2..]);
            assert!(table.next().unwrap().is_none());
        }
    }
}

proptest! {
    /// Also fields that are longer than what is looked at in one go.
    #[test]
    fn a_line_is_split_at_each_separator(
        lines in prop::collection::vec("([a-z+-~é]{0,12};){0,12}[a-z+-~é]{1,150}", 1..6),
        separator in prop::sample::select(vec![b';', b',', b'|', 0xc3]),
    ) {
        // More columns than a row has fields.
        let text = [&[separator; 500][..], format!("\n{}\n", lines.join("\n")).as_bytes()].concat();
        let mut table = Table::open(&Input::of_bytes("x", text), Some(separator)).unwrap();
        for line in &lines {
            let row = table.next().unwrap().unwrap();
            let fields = (0..row.rows.row.fields).map(|place| row.written(place).to_vec());
            let wanted = line.as_bytes().split(|byte| *byte == separator).map(<[u8]>::to_vec);
            prop_assert_eq!(fields.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
        }
        prop_assert!(table.next().unwrap().is_none());
    }

    /// What is behind a block in the memory that it shares with earlier ones is not part of it.
    #[test]
    fn rows_are_the_same_wherever_a_block_ends(
        blank in 0..80_usize,
        rows in prop::collection::vec((0..4_usize, prop::collection::vec("[ ]?[a-c,;\"]{0,5}[ ]?", 3), any::<bool>()), 1..40),
        length in 8..200_usize,
        ends in any::<bool>(),
    ) {
        let (mut text, mut line) = ("\n".repeat(blank) + "x,y,z\n", blank as u64 + 2);
        let mut wanted = Vec::new();
        for (blank, fields, has_return) in rows {
            text += &"\n".repeat(blank);
            line += blank as u64;
            let write = |field: &String| match field.contains([',', '"']) {
                true => format!("\"{}\"", field.replace('"', "\"\"")),
                false => field.clone(),
            };
            text += &fields.iter().map(write).collect::<Vec<_>>().join(",");
            text += if has_return { "\r\n" } else { "\n" };
            wanted.push((line, fields.iter().map(|field| field.trim().to_owned()).collect::<Vec<_>>()));
            line += 1;
        }
        let end = if ends { text.len() } else { text.trim_end_matches(['\r', '\n']).len() };
        let input = Input::of_bytes("x", text.as_bytes()[..end].to_vec());
        let mut table = Table::open_in_blocks(&input, None, length).unwrap();
        let mut found = Vec::new();
        while let Some(row) = table.next().unwrap() {
            found.push((row.line(), [0, 1, 2].map(|column| row.text(column).unwrap().to_owned()).to_vec()));
        }
        prop_assert_eq!(found, wanted);
    }
}
