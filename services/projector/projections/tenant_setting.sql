-- name: keep
-- What a tenant's settings say last; the slice holds one for each tenant. $1 are the tenants, $2 whether engagement is on,
-- $3 for how many days the history is kept.
insert into tenant_setting as s (tenant, engagement, retention_days)
select tenant, engagement, retention_days
from unnest($1::text[], $2::boolean[], $3::integer[]) as said (tenant, engagement, retention_days)
order by tenant
on conflict (tenant) do update set engagement = excluded.engagement, retention_days = excluded.retention_days;

-- name: forget
-- A tombstone: the tenant has no settings any more. $1 are the tenants.
delete from tenant_setting where tenant = any($1::text[]);
