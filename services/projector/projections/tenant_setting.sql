-- name: keep
-- What a tenant's settings say last; the slice holds one for each tenant. $1 are the tenants, $2 whether engagement is on.
insert into tenant_setting as s (tenant, engagement)
select tenant, engagement from unnest($1::text[], $2::boolean[]) as said (tenant, engagement)
order by tenant
on conflict (tenant) do update set engagement = excluded.engagement;

-- name: forget
-- A tombstone: the tenant has no settings any more. $1 are the tenants.
delete from tenant_setting where tenant = any($1::text[]);
