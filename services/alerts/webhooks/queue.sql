-- name: hungry
-- The enabled endpoints to which something is due and not under way.
select id from webhook
where enabled and exists (
    select from delivery
    where webhook_id = webhook.id and state = 'pending' and due_at <= $1 and lease_until <= $1)
limit 10000;

-- name: claim
-- Takes what is due to each of these endpoints, up to so many each, for the length of a lease. What has no body yet
-- waits a moment for what its body says; who else claims takes others.
with wanted as materialized (
    select w.id, asked.number
    from unnest($1::uuid[], $2::integer[]) as asked (id, number) join webhook as w using (id)
    where w.enabled
),
taken as materialized (
    select due.id
    from wanted cross join lateral (
        select d.id from delivery as d
        where d.webhook_id = wanted.id and d.state = 'pending' and d.due_at <= $3 and d.lease_until <= $3
            and (d.body is not null or d.created_at <= $5
                 or exists (select from personal as p where p.message_id = d.message_id and p.tenant = d.tenant))
        order by d.due_at, d.seq
        limit wanted.number
        for update skip locked) as due
)
update delivery set attempt = attempt + 1, lease_until = $4
from taken where delivery.id = taken.id
returning delivery.id;

-- name: load
-- All that the calls for these deliveries need.
select d.id, d.webhook_id, d.attempt, d.failures, d.calls, d.body, d.fact_id, d.tenant, d.type, d.message_id,
       w.url, w.names,
       (select array_agg(s.secret order by s.created_at desc) from webhook_secret as s
        where s.webhook_id = d.webhook_id and (s.signs_until is null or s.signs_until > $2)) as secrets,
       f.ref, f.ordinal, f.occurred_at, f.detail, m.owner, p.subject,
       jsonb_path_query_first(p.body, '$.recipients[*] ? (@.ref == $ref)', jsonb_build_object('ref', f.ref)) as recipient,
       jsonb_path_query_first(p.body, '$.attachments[*] ? (@.index == $index).name',
                              jsonb_build_object('index', f.detail -> 'attachment_index')) as attachment
from delivery as d
    join webhook as w on w.id = d.webhook_id
    left join fact as f on f.fact_id = d.fact_id
    left join message as m on m.message_id = d.message_id and m.tenant = d.tenant
    left join personal as p on p.message_id = d.message_id and p.tenant = d.tenant
where d.id = any($1::uuid[])
order by d.due_at, d.seq;

-- name: write
-- Keeps the bodies of deliveries, which every later attempt sends again.
update delivery set body = written.body
from unnest($1::uuid[], $2::bytea[]) as written (id, body)
where delivery.id = written.id;

-- name: succeed
-- Ends the bad time of endpoints that took something.
update webhook set failing_since = null where id = any($1::uuid[]) and failing_since is not null;

-- name: fail
-- Begins the bad time of endpoints that took nothing.
update webhook set failing_since = $2 where id = any($1::uuid[]) and failing_since is null;

-- name: disable
-- Disables endpoints that said they are gone, and those whose bad time began before a moment.
update webhook
set enabled = false, disabled_at = $3, updated_at = $3,
    disabled_reason = case when id = any($1::uuid[]) then 'gone' else 'failing' end
where enabled and (id = any($1::uuid[]) or (id = any($2::uuid[]) and failing_since <= $4))
returning id, disabled_reason;

-- name: record
-- Writes results, each only while its attempt is the latest; a replay or a later attempt has made the others void.
update delivery
set state = r.state, dead_reason = r.dead_reason, due_at = r.due_at, lease_until = 0,
    failures = failures + (r.state <> 'delivered')::integer, calls = calls + 1,
    status = r.status, result = r.result, duration_ms = r.duration_ms, called_at = $9::bigint,
    delivered_at = case when r.state = 'delivered' then $9::bigint end
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::integer[], $7::text[], $8::integer[])
    as r (id, attempt, state, dead_reason, due_at, status, result, duration_ms)
where delivery.id = r.id and delivery.attempt = r.attempt and delivery.state = 'pending'
returning delivery.id;

-- name: give_back
-- Ends the leases of deliveries that were claimed and not called.
update delivery set lease_until = 0
from unnest($1::uuid[], $2::integer[]) as given (id, attempt)
where delivery.id = given.id and delivery.attempt = given.attempt and delivery.state = 'pending';

-- name: bury
-- Gives up what waits for endpoints that were disabled because they failed; a thousand at a time.
update delivery set state = 'dead', dead_reason = 'endpoint_disabled', lease_until = 0
where id in (
    select d.id from delivery as d join webhook as w on w.id = d.webhook_id
    where w.disabled_reason in ('gone', 'failing') and d.state = 'pending' and d.lease_until <= $1
    limit 1000
    for update of d skip locked)
returning id;

-- name: figures
-- How much waits, since when it waits past its time where the endpoint takes what it is given, and how many endpoints
-- there are.
select (select count(*) from delivery where state = 'pending') as pending,
       (select min(first.due_at)
        from webhook as w cross join lateral (
            select due_at from delivery as d where d.webhook_id = w.id and d.state = 'pending' order by due_at limit 1
        ) as first
        where w.enabled and w.failing_since is null) as oldest,
       (select count(*) from webhook where enabled) as enabled,
       (select count(*) from webhook where not enabled) as disabled;

-- name: prune_deliveries
-- Forgets deliveries made before a moment; some at a time.
delete from delivery where id in (select id from delivery where created_at < $1 order by created_at limit 5000);

-- name: prune_facts
-- Forgets facts told before a moment; some at a time.
delete from fact where fact_id in (select fact_id from fact where told_at < $1 order by told_at limit 5000);

-- name: prune_secrets
-- Forgets secrets that sign no more.
delete from webhook_secret where signs_until <= $1;
