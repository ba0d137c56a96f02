-- name: keep
-- What was said last of a message, in the log's order, replaces what was said before.
insert into personal as p (tenant, message_id, subject, body)
select tenant, message_id, subject, body from staged_personal
order by message_id, tenant
on conflict (message_id, tenant) do update set subject = excluded.subject, body = excluded.body;

-- name: forget
-- A tombstone names the message alone. $1 are the messages.
delete from personal where message_id = any($1::uuid[]);
