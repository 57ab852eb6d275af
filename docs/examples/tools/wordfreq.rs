// wordfreq [FILE...]: how often each word is in the files, or in stdin; the most frequent first.
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::{env, fs, process};

fn main() -> io::Result<()> {
    let mut status = 0;
    let mut text = Vec::new();
    let names: Vec<String> = env::args().skip(1).collect();
    if names.is_empty() {
        io::stdin().read_to_end(&mut text)?;
    }
    for name in names {
        match fs::read(&name) {
            Ok(content) => {
                text.extend(content);
                text.push(b'\n');
            }
            Err(error) => {
                eprintln!("wordfreq: {}: {}", name, error);
                status = 1;
            }
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in text.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        *counts.entry(String::from_utf8_lossy(word).to_ascii_lowercase()).or_insert(0) += 1;
    }
    let mut found: Vec<_> = counts.into_iter().collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut out = io::BufWriter::new(io::stdout());
    for (word, count) in found {
        writeln!(out, "{} {}", count, word)?;
    }
    out.flush()?;
    process::exit(status)
}
