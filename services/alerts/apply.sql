-- name: register
-- Keeps what alerts must know of messages; the first word holds, and a repetition says the same.
insert into message (tenant, message_id, owner, followed, refs, scheduled_at)
select tenant, message_id, owner, followed, string_to_array(refs, ','), scheduled_at
from unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::bigint[])
    as fact (tenant, message_id, owner, followed, refs, scheduled_at)
order by message_id, tenant
on conflict do nothing;

-- name: keep
-- What was said last of a message, in the log's order, replaces what was said before; names those where it differs.
insert into personal as p (tenant, message_id, subject, body)
select tenant, message_id, subject, body
from unnest($1::text[], $2::uuid[], $3::text[], $4::jsonb[]) as said (tenant, message_id, subject, body)
order by message_id, tenant
on conflict (message_id, tenant) do update set subject = excluded.subject, body = excluded.body
where (p.subject, p.body) is distinct from (excluded.subject, excluded.body)
returning new.message_id, old.message_id is not null as replaced;

-- name: forget
-- A tombstone names the message alone.
delete from personal where message_id = any($1::uuid[]);

-- name: state
-- Keeps a fact that alerts, once.
insert into alert (fact_id, tenant, type, message_id, ref, ordinal, occurred_at)
select *
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::integer[], $7::bigint[])
    as fact (fact_id, tenant, type, message_id, ref, ordinal, occurred_at)
order by fact_id
on conflict do nothing;

-- name: withdraw
-- Takes alerts back; one whose fact did not come yet is kept withdrawn, so that the order does not matter.
insert into alert (fact_id, tenant, type, message_id, ref, ordinal, occurred_at, withdrawn_at)
select fact.*, fact.occurred_at
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::integer[], $7::bigint[])
    as fact (fact_id, tenant, type, message_id, ref, ordinal, occurred_at)
order by fact_id
on conflict (fact_id) do update set withdrawn_at = excluded.withdrawn_at
where alert.withdrawn_at is null;

-- name: enter
-- Numbers the alerts of these messages that wait and whose message is registered; they are in the inbox from now on.
-- All tenants' rows are locked by one statement in one order, so that two slices never wait for each other in a circle.
with entering as materialized (
    select a.fact_id, a.tenant, m.owner,
           row_number() over (partition by a.tenant order by a.occurred_at, a.fact_id) as place,
           count(*) over (partition by a.tenant) as places
    from alert as a join message as m on m.message_id = a.message_id and m.tenant = a.tenant
    where a.seq is null and a.withdrawn_at is null and a.message_id = any($1::uuid[])
),
taken as (
    insert into tenant_sequence as s (tenant, last)
    select tenant, count(*) from entering group by tenant order by tenant
    on conflict (tenant) do update set last = s.last + excluded.last
    returning tenant, last
)
update alert
set owner = entering.owner,
    seq = taken.last - entering.places + entering.place,
    created_at = (extract(epoch from clock_timestamp()) * 1000000)::bigint
from entering join taken using (tenant)
where alert.fact_id = entering.fact_id
returning alert.fact_id, alert.tenant, alert.owner, alert.type, alert.occurred_at;
