-- name: keep
-- What was said last of a message, in the log's order, replaces what was said before.
insert into personal as p (tenant, message_id, subject, body)
select tenant, message_id, subject, body from staged_personal
order by message_id, tenant
on conflict (message_id, tenant) do update set subject = excluded.subject, body = excluded.body;

-- name: unlist
-- The people of these messages are listed anew. $1 are the messages, so that the index is taken: how few are staged no plan
-- knows.
delete from person p using staged_personal s
where p.message_id = any($1::uuid[]) and p.tenant = s.tenant and p.message_id = s.message_id;

-- name: list
-- Which refs stand for a person of the caller's, so that the person is found by the caller's id.
insert into person (tenant, message_id, ref, id)
select distinct on (s.tenant, s.message_id, one ->> 'ref') s.tenant, s.message_id, one ->> 'ref', one ->> 'id'
from staged_personal s, jsonb_array_elements(s.body -> 'recipients') with ordinality as named (one, place)
where one ->> 'id' is not null
order by s.tenant, s.message_id, one ->> 'ref', place;

-- name: forget
-- A tombstone names the message alone. $1 are the messages.
with forgotten as (
    delete from personal where message_id = any($1::uuid[])
)
delete from person where message_id = any($1::uuid[]);
