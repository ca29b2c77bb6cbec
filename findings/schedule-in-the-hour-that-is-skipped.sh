#!/usr/bin/env bash
# The same cron expression in the same zone begins at three different times, or not at all, in the night when clocks
# change: a window of one scheduler is not the window of another.
#
# A good guess: cron expressions with a time zone are settled; 02:30 in the hour that is skipped moves to some time that
# night, and 02:30 in the hour that comes twice runs once.
# Packages: npm croner 11.0.1, cron-parser 5.10.6, cron 4.4.0, and Go github.com/robfig/cron/v3 3.0.1, which is what
# Kubernetes' CronJobs and KEDA's cron scaler go by. Europe/Berlin; in spring 02:00 becomes 03:00, in autumn 03:00 is
# 02:00 once more. Seen: robfig's skips the whole day in spring and runs twice in autumn; so a window that
# begins on Sundays at 02:30 does not begin that Sunday. Of the others one begins half an hour later, and cron 4.4.0 has
# "0 3 * * *" run twice in autumn, first an hour early. Times from 01:00 to 03:00 are best left alone.
# Output (as local time, with its distance to UTC):
#   30 2 * * * in spring, croner: 03-28 03:00 +2, 03-29 02:30 +2
#   30 2 * * * in spring, cron-parser: 03-28 03:30 +2, 03-29 02:30 +2
#   30 2 * * * in spring, cron: 03-28 03:00 +2, 03-29 02:30 +2
#   30 2 * * * in spring, robfig: 03-29 02:30 +2, 03-30 02:30 +2
#   30 2 * * * in autumn, croner: 10-25 02:30 +2, 10-26 02:30 +1
#   30 2 * * * in autumn, cron-parser: 10-25 02:30 +2, 10-26 02:30 +1
#   30 2 * * * in autumn, cron: 10-25 02:30 +2, 10-26 02:30 +1
#   30 2 * * * in autumn, robfig: 10-25 02:30 +2, 10-25 02:30 +1
#   0 3 * * * in autumn, croner: 10-25 03:00 +1, 10-26 03:00 +1
#   0 3 * * * in autumn, cron-parser: 10-25 03:00 +1, 10-26 03:00 +1
#   0 3 * * * in autumn, cron: 10-25 02:00 +1, 10-25 03:00 +1
#   0 3 * * * in autumn, robfig: 10-25 03:00 +1, 10-26 03:00 +1
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . croner@11.0.1 cron-parser@5.10.6 cron@4.4.0 luxon@3.7.2
go mod init local/schedule 2> go.log
go get github.com/robfig/cron/v3@v3.0.1 2>> go.log
cat > main.go <<'GO'
package main

import ("fmt"; "os"; "time"; "github.com/robfig/cron/v3")

func main() {
	schedule, _ := cron.ParseStandard("CRON_TZ=Europe/Berlin " + os.Args[1])
	at, _ := time.Parse(time.RFC3339, os.Args[2])
	for range 2 {
		at = schedule.Next(at)
		fmt.Println(at.UTC().Format(time.RFC3339))
	}
}
GO
go build -o robfig .
cat > ask.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import { CronTime } from 'cron';
import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';
import { DateTime } from 'luxon';

const timezone = 'Europe/Berlin';
const twice = (next) => [next(), next()];
const libraries = {
  croner: (pattern, from) => new Cron(pattern, { timezone }).nextRuns(2, from),
  'cron-parser': (pattern, currentDate) => {
    const times = CronExpressionParser.parse(pattern, { tz: timezone, currentDate });
    return twice(() => times.next().toDate());
  },
  cron: (pattern, from) => {
    let at = from;
    return twice(() => (at = new CronTime(pattern, timezone).getNextDateFrom(at, timezone).toJSDate()));
  },
  robfig: (pattern, from) =>
    execFileSync('./robfig', [pattern, from.toISOString()]).toString().trim().split('\n'),
};
const local = (time) => DateTime.fromJSDate(new Date(time), { zone: timezone }).toFormat('MM-dd HH:mm Z');
const from = { spring: new Date('2027-03-27T12:00:00Z'), autumn: new Date('2026-10-24T12:00:00Z') };
for (const [pattern, season] of [['30 2 * * *', 'spring'], ['30 2 * * *', 'autumn'], ['0 3 * * *', 'autumn']])
  for (const [library, next] of Object.entries(libraries))
    console.log(`${pattern} in ${season}, ${library}: ${next(pattern, from[season]).map(local).join(', ')}`);
JS
node ask.mjs | tee seen
sed -n 's/^#   \(.* in .*: \)/\1/p' "$here/$(basename "$0")" | diff seen -
