//! Where the boxes of the map are: callers to the left of what they call, with few crossings. An arrow that passes columns has a place
//! of its own in each of them, so that it does not go behind boxes.

use super::graph::Graph;

/// How often the order in the columns is improved.
const SWEEPS: usize = 8;

/// The places that an arrow goes through: its ends, and a column and a row for each.
pub(super) type Way = ((usize, usize), Vec<(usize, f64)>);

/// The places of boxes.
#[derive(Debug)]
pub(super) struct Layout {
    /// The column and the row of each box; rows may be fractions.
    pub(super) places: Vec<(usize, f64)>,
    pub(super) columns: usize,
    /// The places that arrows go through, from box to box.
    pub(super) ways: Vec<Way>,
    /// Rows of the highest column.
    pub(super) rows: f64,
}

impl Layout {
    pub(super) fn of(graph: &Graph) -> Self {
        let boxes = graph.nodes.len();
        let arrows = forward(graph);
        let mut columns = columns(boxes, &arrows);
        // Behind the boxes come the places that arrows go through.
        let (mut forward, mut ways) = (Vec::new(), Vec::new());
        for (from, to) in arrows {
            let (mut at, mut way) = (from, Vec::new());
            for column in columns[from] + 1..columns[to] {
                columns.push(column);
                forward.push((at, columns.len() - 1));
                at = columns.len() - 1;
                way.push(at);
            }
            forward.push((at, to));
            if !way.is_empty() {
                ways.push(((from, to), way));
            }
        }
        let number = columns.len();
        let last = columns.iter().copied().max().unwrap_or(0);
        let mut order: Vec<Vec<usize>> = vec![Vec::new(); last + 1];
        for (place, column) in columns.iter().enumerate() {
            order[*column].push(place);
        }
        for sweep in 0..SWEEPS {
            let is_forth = sweep % 2 == 0;
            let rows = rows(&order, number);
            let turns: Vec<usize> = if is_forth { (0..=last).collect() } else { (0..=last).rev().collect() };
            let mut rows = rows;
            for column in turns {
                let neighbours = |place: usize| -> f64 {
                    let of = |(from, to): &(usize, usize)| match is_forth {
                        true => (*to == place).then_some(rows[*from]),
                        false => (*from == place).then_some(rows[*to]),
                    };
                    let all: Vec<f64> = forward.iter().filter_map(of).collect();
                    if all.is_empty() { rows[place] } else { all.iter().sum::<f64>() / all.len() as f64 }
                };
                let mut keyed: Vec<(f64, usize)> =
                    order[column].iter().map(|place| (neighbours(*place), *place)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                order[column] = keyed.into_iter().map(|(_, place)| place).collect();
                for (row, place) in centred(&order[column], &order) {
                    rows[place] = row;
                }
            }
        }
        let most = order.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let rows = rows(&order, number);
        let mut places: Vec<(usize, f64)> = columns.iter().zip(rows).map(|(column, row)| (*column, row)).collect();
        let through = |way: &Vec<usize>| way.iter().map(|place| places[*place]).collect();
        let ways = ways.iter().map(|(ends, way)| (*ends, through(way))).collect();
        places.truncate(boxes);
        Self { places, columns: last + 1, ways, rows: most }
    }
}

/// The rows of all boxes: each column is in the middle of the highest.
fn rows(order: &[Vec<usize>], number: usize) -> Vec<f64> {
    let mut rows = vec![0.0; number];
    for column in order {
        for (row, place) in centred(column, order) {
            rows[place] = row;
        }
    }
    rows
}

fn centred(column: &[usize], order: &[Vec<usize>]) -> Vec<(f64, usize)> {
    let most = order.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let first = (most - column.len() as f64) / 2.0;
    column.iter().enumerate().map(|(row, place)| (first + row as f64, *place)).collect()
}

/// The arrows without those that close a circle.
fn forward(graph: &Graph) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let number = graph.nodes.len();
    let mut marks = vec![Mark::New; number];
    let mut kept = Vec::new();
    // Without recursion: a path may be as long as there are boxes.
    for start in 0..number {
        if marks[start] != Mark::New {
            continue;
        }
        let mut way = vec![(start, 0)];
        marks[start] = Mark::Open;
        while let Some((at, next)) = way.last_mut() {
            let at = *at;
            let arrow = graph.arrows.iter().filter(|arrow| arrow.from == at).nth(*next);
            *next += 1;
            match arrow {
                None => {
                    marks[at] = Mark::Done;
                    way.pop();
                }
                Some(arrow) if marks[arrow.to] == Mark::Open => {}
                Some(arrow) => {
                    kept.push((at, arrow.to));
                    if marks[arrow.to] == Mark::New {
                        marks[arrow.to] = Mark::Open;
                        way.push((arrow.to, 0));
                    }
                }
            }
        }
    }
    kept
}

/// Each box is in the column behind the last of its callers.
fn columns(number: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut columns = vec![0; number];
    // As often as the longest path is long.
    for _ in 0..number {
        let mut has_changed = false;
        for (from, to) in forward {
            if columns[*to] <= columns[*from] {
                columns[*to] = columns[*from] + 1;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_to_the_left() {
        // A diamond with a long side.
        assert_eq!(columns(5, &[(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)]), [0, 1, 1, 2, 3]);
        assert_eq!(columns(2, &[]), [0, 0]);
    }
}
