-- name: keep
-- Keeps facts that can be delivered, each once.
insert into fact (fact_id, tenant, type, message_id, ref, ordinal, occurred_at, detail)
select *
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::integer[], $7::bigint[], $8::jsonb[])
    as fact (fact_id, tenant, type, message_id, ref, ordinal, occurred_at, detail)
order by fact_id
on conflict do nothing;

-- name: tell
-- Takes the facts of these messages that wait and whose message is registered; they wait no longer.
update fact set told_at = $2
from message as m
where fact.message_id = any($1::uuid[]) and fact.told_at is null
    and m.message_id = fact.message_id and m.tenant = fact.tenant
returning fact.fact_id, fact.tenant, fact.type, fact.message_id, fact.occurred_at;

-- name: endpoints
-- The enabled endpoints of these tenants; one that is being deleted is waited for, and one that was is not there.
select id, tenant, types from webhook
where tenant = any($1::text[]) and enabled
order by id
for key share;

-- name: enqueue
-- Makes deliveries, each once.
insert into delivery (id, webhook_id, tenant, fact_id, message_id, type, created_at, state, due_at)
select id, webhook_id, tenant, fact_id, message_id, type, created_at, 'pending', created_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[])
    as made (id, webhook_id, tenant, fact_id, message_id, type, created_at)
order by id
on conflict do nothing
returning webhook_id;

-- name: scrub
-- Takes bodies away that may hold what was erased from these messages; what is sent later is written anew.
update delivery set body = null where message_id = any($1::uuid[]) and body is not null;
