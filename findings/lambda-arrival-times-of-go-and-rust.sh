#!/usr/bin/env bash
# A Lambda function in Rust or Go reads other arrival times than its Kinesis records have: in Rust one in ten is up to
# 891 ms early, in Go every other one a millisecond.
#
# A good guess: approximateArrivalTimestamp, seconds with three decimals, comes out as that many milliseconds in the event
# types that AWS's runtimes bring for it.
# Packages: crate aws_lambda_events 1.2.1 and Go github.com/aws/aws-lambda-go 1.55.1, given each millisecond of a second.
# Seen: in Rust the decimals are taken for a count of milliseconds, so .9, which is how JSON writes .900, is 9 of them;
# a test with .987 misses it. In Go the number is cut off below the millisecond that it stands for, as floats go.
# So times of records of one shard run backwards in Rust, windows and filters by time put records into the wrong one, and an
# arrival is not equal to the same one from GetRecords. The way out: in Go .Round(time.Millisecond); in Rust a type of one's
# own that takes the number, since no rounding brings .900 back from .009.
# Output:
#   Rust: 1545084650.987 is 1545084650987
#   Rust: 1545084650.98 is 1545084650098
#   Rust: 1545084650.9 is 1545084650009
#   Rust: 99 of 1000 early, by up to 891 ms
#   Go: 1545084650.987 is 1545084650986
#   Go: 1545084650.98 is 1545084650980
#   Go: 1545084650.9 is 1545084650900
#   Go: 496 of 1000 early, by up to 1 ms; rounded: 0 of 1000
# Needs Rust and Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir rust go
cat > rust/Cargo.toml <<'TOML'
[package]
name = "ask"
edition = "2021"
[[bin]]
name = "ask"
path = "main.rs"
[dependencies]
aws_lambda_events = { version = "=1.2.1", default-features = false, features = ["kinesis"] }
serde_json = "=1.0.150"
TOML
cat > rust/main.rs <<'RUST'
use aws_lambda_events::event::kinesis::KinesisRecord;

fn read(seconds: &str) -> i64 {
    let record = format!(
        r#"{{"approximateArrivalTimestamp":{seconds},"data":"","partitionKey":"a","sequenceNumber":"1","kinesisSchemaVersion":"1.0"}}"#
    );
    let record: KinesisRecord = serde_json::from_str(&record).unwrap();
    record.approximate_arrival_timestamp.timestamp_millis()
}

fn main() {
    for seconds in ["1545084650.987", "1545084650.98", "1545084650.9"] {
        println!("Rust: {seconds} is {}", read(seconds));
    }
    let early = |ms: i64| 1545084650000 + ms - read(&(1545084650.0 + ms as f64 / 1000.0).to_string());
    let early: Vec<i64> = (0..1000).map(early).filter(|&by| by != 0).collect();
    println!("Rust: {} of 1000 early, by up to {} ms", early.len(), early.iter().max().unwrap());
}
RUST
cat > go/main.go <<'GO'
package main

import (
	"encoding/json"; "fmt"; "strconv"; "time"
	"github.com/aws/aws-lambda-go/events"
)

func read(seconds string) time.Time {
	var record events.KinesisRecord
	if err := json.Unmarshal([]byte(`{"approximateArrivalTimestamp":`+seconds+`}`), &record); err != nil { panic(err) }
	return record.ApproximateArrivalTimestamp.Time
}

func main() {
	for _, seconds := range []string{"1545084650.987", "1545084650.98", "1545084650.9"} {
		fmt.Printf("Go: %s is %d\n", seconds, read(seconds).UnixMilli())
	}
	count, most, rounded := 0, int64(0), 0
	for ms := int64(1545084650000); ms < 1545084651000; ms++ {
		seen := read(strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64))
		if early := ms - seen.UnixMilli(); early != 0 { count++; most = max(most, early) }
		if seen.Round(time.Millisecond).UnixMilli() != ms { rounded++ }
	}
	fmt.Printf("Go: %d of 1000 early, by up to %d ms; rounded: %d of 1000\n", count, most, rounded)
}
GO
cargo run --quiet --manifest-path rust/Cargo.toml > seen 2> rust.log || { cat rust.log; exit 1; }
(
  cd go
  go mod init local/ask 2> go.log
  go get github.com/aws/aws-lambda-go@v1.55.1 2>> go.log
  go run .
) >> seen
cat seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
