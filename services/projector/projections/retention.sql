-- name: alone
-- Whether nobody else is at it; until the end of the transaction.
select pg_try_advisory_xact_lock(hashtext('inkling'), hashtext('projector.retention'));

-- name: tenants
-- What tenants decided themselves.
select tenant, retention_days from tenant_setting where retention_days is not null;

-- name: days
-- The days of which there is anything, the oldest first, and whether each has a partition; those without lie together in
-- another one, in which the next day's first id is looked up by the index.
with recursive other (day) as (
    (select day_of(event_id) from interaction_other order by event_id limit 1)
    union all
    select next.day
    from other
    cross join lateral (
        select day_of(event_id) as day
        from interaction_other
        where event_id >= least_id(other.day + 1)
        order by event_id
        limit 1
    ) next
)
select to_date(right(relname, 8), 'YYYYMMDD') as day, true as partitioned
from pg_inherits join pg_class on pg_class.oid = inhrelid
where inhparent = 'interaction'::regclass and relname ~ '^interaction_\d{8}$'
union all
select day, false from other
order by day;

-- name: other
-- How many hits lie outside the days that have partitions, counted up to $1.
select count(*) from (select from interaction_other limit $1) one;

-- name: delete
-- Some hits of one day whose time is up: of the tenants $2, and where $3 of all others but the tenants $4. $5 at most. Whose
-- they were is told that the history begins later now. Returns how many.
with gone as (
    delete from interaction
    where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
      and event_id = any(array(
          select event_id from interaction
          where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
            and (tenant = any($2::text[]) or ($3::boolean and tenant <> all($4::text[])))
          limit $5
      ))
    returning tenant
),
told as (
    insert into history_floor (tenant, first_day)
    select distinct tenant, $1::date + 1 from gone
    on conflict (tenant) do update set first_day = greatest(history_floor.first_day, excluded.first_day)
)
select count(*) from gone;

-- name: empty
-- Whether nothing lies in a day.
select not exists (
    select from interaction where event_id >= least_id($1::date) and event_id < least_id($1::date + 1)
);

-- name: drop
-- Drops a day; false when it was gone.
select drop_day($1);

-- name: dropped
-- Tells everybody that the history begins after a day.
insert into history_floor (tenant, first_day)
values ('', $1::date + 1)
on conflict (tenant) do update set first_day = greatest(history_floor.first_day, excluded.first_day);
