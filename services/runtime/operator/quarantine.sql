-- name: find
-- Rows of the quarantine that were asked for. $1 the state; where null, all of: $2 topic, $3 partition, $4 offset, $5 reason;
-- $6 set aside since, $7 and before.
select topic, partition, record_offset, reason, detail, first_at, state, attempts, changed_at, changed_by
from quarantine
where ($1::smallint is null or state = $1)
  and ($2::text is null or (topic = $2 and partition = $3))
  and ($4::bigint is null or record_offset = $4)
  and ($5::text is null or reason = $5)
  and ($6::bigint is null or first_at >= $6) and ($7::bigint is null or first_at < $7)
order by topic, partition, record_offset
limit $8;

-- name: row
-- One whole row.
select * from quarantine where topic = $1 and partition = $2 and record_offset = $3;

-- name: lane
-- Locks a lane as its worker does for a slice, so that only one of them writes; says how far it is folded.
select next_offset from checkpoint where consumer = $1 and topic = $2 and partition = $3 for update;

-- name: take
-- Those of the rows that still wait, locked, in the log's order.
select topic, partition, record_offset, key, headers, value, timestamp_ms
from quarantine
where topic = $1 and partition = $2 and record_offset = any($3::bigint[]) and state = 0
order by record_offset
for update;

-- name: settle
-- Says what became of rows: state, and the reason and detail where they changed.
update quarantine as mine
set state = became.state, reason = coalesce(became.reason, mine.reason), detail = coalesce(became.detail, mine.detail),
    attempts = mine.attempts + $7, changed_by = $8,
    changed_at = (extract(epoch from clock_timestamp()) * 1000000)::bigint
from unnest($3::bigint[], $4::smallint[], $5::text[], $6::text[]) as became (record_offset, state, reason, detail)
where mine.topic = $1 and mine.partition = $2 and mine.record_offset = became.record_offset;
