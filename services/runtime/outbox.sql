-- name: lanes
-- Those of the lanes that have rows waiting.
select lane from unnest($1::integer[]) as lane
where exists (select from outbox where outbox.lane = lane.lane);

-- name: waiting
-- The oldest rows of one lane, in the order in which they were written.
select seq, key, headers, value from outbox
where lane = $1
order by seq
limit $2;

-- name: published
-- Removes rows that Kafka has acknowledged.
delete from outbox
where lane = $1 and seq = any($2::bigint[]);

-- name: depth
-- How many rows of those lanes wait, and since when the oldest.
select count(*) as rows, min(created_at) as oldest from outbox
where lane = any($1::integer[]);
