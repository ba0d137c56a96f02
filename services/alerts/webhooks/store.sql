-- name: list
-- The tenant's endpoints, oldest first.
select * from webhook where tenant = $1 order by created_at, id;

-- name: find
-- One endpoint.
select * from webhook where tenant = $1 and id = $2;

-- name: secrets
-- Since when and until when the secrets of these endpoints sign; not what they are.
select webhook_id, created_at, signs_until from webhook_secret
where tenant = $1 and webhook_id = any($2::uuid[]) and (signs_until is null or signs_until > $3)
order by created_at desc;

-- name: turn
-- Lets creations of one tenant wait for each other, so that their number is right.
select pg_advisory_xact_lock(hashtext('webhook'), hashtext($1));

-- name: create
-- A new endpoint.
insert into webhook (id, tenant, url, types, names, description, enabled, disabled_reason, disabled_at, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, case when not $7 then 'by_request' end, case when not $7 then $8::bigint end, $8, $8)
returning *;

-- name: count
-- How many endpoints a tenant has.
select count(*) from webhook where tenant = $1;

-- name: change
-- Changes what is given; enabling forgets why it was disabled.
update webhook
set url = coalesce($3, url), types = coalesce($4, types), names = coalesce($5, names),
    description = coalesce($6, description), enabled = coalesce($7, enabled), updated_at = $8,
    disabled_reason = case when coalesce($7, enabled) then null else coalesce(disabled_reason, 'by_request') end,
    disabled_at = case when coalesce($7, enabled) then null else coalesce(disabled_at, $8) end,
    failing_since = case when not enabled and $7 then null else failing_since end
where tenant = $1 and id = $2
returning *;

-- name: delete
-- Deletes an endpoint with its secrets and deliveries.
delete from webhook where tenant = $1 and id = $2;

-- name: add_secret
-- A new secret.
insert into webhook_secret (webhook_id, tenant, created_at, secret) values ($1, $2, $3, $4);

-- name: retire
-- Lets the secret in use sign until a moment; earlier ones keep theirs.
update webhook_secret set signs_until = $2 where webhook_id = $1 and signs_until is null;

-- name: lock
-- One endpoint, held until the transaction ends.
select id, enabled from webhook where tenant = $1 and id = $2 for no key update;

-- name: newest_secret
-- When the last secret of an endpoint was made, and how many sign now.
select max(created_at) as newest, count(*) filter (where signs_until is null or signs_until > $2) as signing
from webhook_secret where webhook_id = $1;

-- name: tests
-- How many tests were made for an endpoint since a moment.
select count(*) from delivery where webhook_id = $1 and type = 'webhook.test' and created_at > $2;

-- name: add_test
-- A test, ready to be sent.
insert into delivery (id, webhook_id, tenant, type, created_at, state, due_at, body)
values ($1, $2, $3, 'webhook.test', $4, 'pending', $4, $5)
returning id, seq, webhook_id, tenant, fact_id, message_id, type, created_at, state, dead_reason, due_at, lease_until,
    attempt, failures, calls, status, result, duration_ms, called_at, delivered_at;

-- name: deliveries
-- A page of an endpoint's log, latest first, after a position.
select id, seq, webhook_id, tenant, fact_id, message_id, type, created_at, state, dead_reason, due_at, lease_until,
    attempt, failures, calls, status, result, duration_ms, called_at, delivered_at
from delivery
where tenant = $1 and webhook_id = $2 and created_at >= $3 and created_at < $4 and (created_at, seq) < ($5, $6)
    and ($7::text is null or state = $7) and ($8::text is null or type = $8)
order by created_at desc, seq desc
limit $9;

-- name: replay_one
-- Makes one delivery due again, unless it is under way.
update delivery
set state = 'pending', due_at = $4, failures = 0, attempt = attempt + 1, lease_until = 0, dead_reason = null
where tenant = $1 and webhook_id = $2 and id = $3 and state <> 'pending'
returning id;

-- name: state_of
-- Where one delivery stands.
select state from delivery where tenant = $1 and webhook_id = $2 and id = $3;

-- name: replay_range
-- Makes deliveries of a range and of these states due again, oldest first, up to a number.
with chosen as materialized (
    select id from delivery
    where tenant = $1 and webhook_id = $2 and created_at >= $3 and created_at < $4 and state = any($5::text[])
    order by created_at, seq
    limit $6
    for update
)
update delivery
set state = 'pending', due_at = $7, failures = 0, attempt = attempt + 1, lease_until = 0, dead_reason = null
from chosen where delivery.id = chosen.id
returning delivery.created_at;

-- name: next_in_range
-- The first delivery of a range and of these states.
select min(created_at) from delivery
where tenant = $1 and webhook_id = $2 and created_at >= $3 and created_at < $4 and state = any($5::text[]);
