-- name: set_aside
-- Puts records into quarantine; the same record again changes nothing.
insert into quarantine (topic, partition, record_offset, reason, detail, key, headers, value, timestamp_ms)
select * from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bigint[]
)
on conflict do nothing;
