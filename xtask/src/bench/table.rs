//! Results as a table for people.

use std::collections::BTreeMap;

use serde_json::Value;

/// A row for each workload and shape, in the order of the results, with a column of times for each side, the others
/// against the first side, and the first side's share of the best rate of any matrix product.
pub fn markdown(results: &[Value], sides: &[&str]) -> String {
    let rows = rows(results);
    let peak = peak(results);
    let mut text = String::from("| workload |");
    for side in sides {
        text += &format!(" {side} |");
    }
    for side in &sides[1..] {
        text += &format!(" {side} / {} |", sides[0]);
    }
    text += " share of peak | peak memory of each, MiB |\n|---|";
    text += &"---|".repeat(2 * sides.len() + 1);
    text.push('\n');
    for (name, row) in rows {
        text += &format!("| {name} |");
        for side in sides {
            text += &format!(
                " {} |",
                row.get(*side).map_or(String::new(), |times| seconds(times))
            );
        }
        for side in &sides[1..] {
            text += &format!(" {} |", ratio(row.get(*side), row.get(sides[0])));
        }
        let first = row.get(sides[0]);
        let share = first.and_then(|runs| Some(rate(runs)? / peak?));
        let share = share.map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
        let memory: Vec<String> = sides.iter().map(|side| memory(row.get(*side))).collect();
        text += &format!(" {share} | {} |\n", memory.join(", "));
    }
    text += "\nMedians of the rounds' medians; a ratio is the median over the rounds, above 1 where the first column is ";
    text += "faster. Share of peak: operations a second of the highest rate among the matrix products of any side.\n";
    text
}

/// The lines of a side, one for each round.
type Runs<'a> = Vec<&'a Value>;

fn rows(results: &[Value]) -> Vec<(String, BTreeMap<&str, Runs<'_>>)> {
    let mut rows: Vec<(String, BTreeMap<&str, Runs<'_>>)> = Vec::new();
    for line in results {
        let name = match line["shape"].as_str() {
            Some(shape) => format!("{} {shape}", line["workload"].as_str().unwrap_or_default()),
            None => line["workload"].as_str().unwrap_or_default().to_owned(),
        };
        let place = rows.iter().position(|(known, _)| *known == name);
        let place = place.unwrap_or_else(|| {
            rows.push((name, BTreeMap::new()));
            rows.len() - 1
        });
        let side = line["side"].as_str().unwrap_or_default();
        rows[place].1.entry(side).or_default().push(line);
    }
    rows
}

fn numbers(runs: &Runs<'_>, key: &str) -> Vec<f64> {
    runs.iter().filter_map(|line| line[key].as_f64()).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn seconds(runs: &Runs<'_>) -> String {
    match median(numbers(runs, "median_s")) {
        Some(seconds) if seconds < 1.0 => format!("{:.2} ms", 1e3 * seconds),
        Some(seconds) => format!("{seconds:.2} s"),
        None => String::new(),
    }
}

/// The median over the rounds, in which both had their turn one after the other.
fn ratio(peer: Option<&Runs<'_>>, ours: Option<&Runs<'_>>) -> String {
    let (Some(peer), Some(ours)) = (peer, ours) else {
        return String::new();
    };
    let pairs = numbers(peer, "median_s")
        .into_iter()
        .zip(numbers(ours, "median_s"));
    let ratio = median(pairs.map(|(peer, ours)| peer / ours).collect());
    ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
}

fn rate(runs: &Runs<'_>) -> Option<f64> {
    median(numbers(runs, "gflops_per_second"))
}

fn peak(results: &[Value]) -> Option<f64> {
    let products = results
        .iter()
        .filter(|line| line["workload"] == super::MATMUL);
    let rates = products.filter_map(|line| line["gflops_per_second"].as_f64());
    rates.max_by(f64::total_cmp)
}

fn memory(runs: Option<&Runs<'_>>) -> String {
    let bytes = runs.and_then(|runs| median(numbers(runs, "peak_memory_bytes")));
    bytes.map_or(String::from("-"), |bytes| {
        format!("{:.0}", bytes / f64::from(1 << 20))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sides_stand_beside_each_other_with_the_median_of_their_pairs() {
        let line = |device: &str, seconds: f64| json!({"workload": "step", "side": device, "median_s": seconds, "gflops_per_second": 50.0, "peak_memory_bytes": 1 << 21});
        let results = [
            json!({"workload": "matmul", "shape": "1x2x3", "side": "flex", "median_s": 0.001, "gflops_per_second": 100.0}),
            line("flex", 1.0),
            line("torch", 2.0),
            line("flex", 4.0),
            line("torch", 4.0),
            line("flex", 2.0),
            line("torch", 3.0),
        ];
        let table = markdown(&results, &["flex", "torch"]);
        assert!(table.contains(
            "| workload | flex | torch | torch / flex | share of peak | peak memory of each, MiB |"
        ));
        assert!(
            table.contains("| matmul 1x2x3 | 1.00 ms |  |  | 100 % | -, - |"),
            "{table}"
        );
        assert!(
            table.contains("| step | 2.00 s | 3.00 s | 1.50 | 50 % | 2, 2 |"),
            "{table}"
        );
    }
}
