-- name: inbox_of_tenant
-- A page of the tenant's inbox: by time of the event, latest first, within a half-open range, after a position.
select * from card
where tenant = $1 and occurred_at >= $2 and occurred_at < $3 and (occurred_at, seq) < ($4, $5)
order by occurred_at desc, seq desc
limit $6;

-- name: inbox_of_owner
-- The same of one seller's inbox.
select * from card
where tenant = $1 and occurred_at >= $2 and occurred_at < $3 and (occurred_at, seq) < ($4, $5) and owner = $7
order by occurred_at desc, seq desc
limit $6;

-- name: after_in_tenant
-- The tenant's alerts after a number, in their order, with their age.
select *, (extract(epoch from clock_timestamp()) * 1000000)::bigint - created_at as age from card
where tenant = $1 and seq > $2
order by seq
limit $3;

-- name: after_of_owner
-- The same of one seller's alerts.
select *, (extract(epoch from clock_timestamp()) * 1000000)::bigint - created_at as age from card
where tenant = $1 and seq > $2 and owner = $4
order by seq
limit $3;

-- name: last
-- The last number given in the tenant.
select last from tenant_sequence where tenant = $1;

-- name: news
-- Whose alerts came after the number that each tenant was heard of last; of the alerts themselves nothing.
select a.tenant, a.owner, max(a.seq) as seq
from unnest($1::text[], $2::bigint[]) as heard (tenant, seq)
    join alert as a on a.tenant = heard.tenant and a.seq > heard.seq
group by a.tenant, a.owner;
