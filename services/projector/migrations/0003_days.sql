-- The interaction table's partitions, one for each day of the event ids in it.

-- The least id of a day: 48 bits of Unix milliseconds, then zeros (RFC 9562 §5.7).
create function least_id(day date) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex((day - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid;

-- Creates the partitions that are missing from one day to another and returns how many. Only the owner may create tables,
-- so it runs as the owner. A day of which ids already lie in the default partition stays there.
create function ensure_days(first_day date, last_day date) returns integer
    language plpgsql security definer set search_path = projector, pg_temp
as $$
declare
    day date;
    name text;
    created integer := 0;
begin
    if last_day - first_day > 60 then
        raise exception 'at most 60 days at a time' using errcode = '22023';
    end if;
    perform pg_advisory_xact_lock(hashtext('inkling'), hashtext('projector.interaction'));
    for day in select generate_series(first_day, last_day, interval '1 day')::date loop
        name := 'interaction_' || to_char(day, 'YYYYMMDD');
        continue when to_regclass('projector.' || name) is not null;
        begin
            execute format('create table %I partition of interaction for values from (%L) to (%L)',
                           name, least_id(day), least_id(day + 1));
            execute format('alter table %I enable row level security, force row level security', name);
            created := created + 1;
        exception when check_violation then
            null;  -- the default partition has ids of that day
        end;
    end loop;
    return created;
end
$$;

revoke all on function ensure_days from public;
grant execute on function ensure_days to inkling_projector_writer;
