-- name: alone
-- Whether nobody else is at it; until the end of the transaction.
select pg_try_advisory_xact_lock(hashtext('inkling'), hashtext('projector.retention'));

-- name: tenants
-- What tenants decided themselves.
select tenant, retention_days from tenant_setting where retention_days is not null;

-- name: days
-- The days that have a partition, the oldest first.
select to_date(right(relname, 8), 'YYYYMMDD') as day
from pg_inherits join pg_class on pg_class.oid = inhrelid
where inhparent = 'interaction'::regclass and relname ~ '^interaction_\d{8}$'
order by day;

-- name: delete
-- Some hits of one day whose time is up: of the tenants $2, and where $3 of all others but the tenants $4. $5 at most.
delete from interaction
where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
  and event_id = any(array(
      select event_id from interaction
      where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
        and (tenant = any($2::text[]) or ($3::boolean and tenant <> all($4::text[])))
      limit $5
  ));

-- name: empty
-- Whether nothing lies in a day.
select not exists (
    select from interaction where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
);

-- name: drop
-- Drops a day; false when it was gone.
select drop_day($1);
