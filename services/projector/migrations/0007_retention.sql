-- How long a tenant's history is kept, and the dropping of days behind.

-- In days; null: as the operator says.
alter table tenant_setting add column retention_days integer;

-- Drops one day of the history and says whether there was one. It waits no longer than this for the lock on the whole
-- history, so that folds and readers wait no longer behind it; the caller comes again. Only the owner may drop tables, so
-- it runs as the owner; a day that hits may still fall into is never dropped, whatever it is told.
create function drop_day(day date) returns boolean
    language plpgsql security definer set search_path from current set lock_timeout = '500ms'
as $$
declare
    name text := 'interaction_' || to_char(day, 'YYYYMMDD');
begin
    if day > (now() at time zone 'UTC')::date - 9 then
        raise exception 'hits may still fall into %', day using errcode = '22023';
    end if;
    perform pg_advisory_xact_lock(hashtext('inkling'), hashtext('projector.interaction'));
    if not exists (
        select from pg_inherits where inhparent = 'interaction'::regclass and inhrelid = to_regclass(name)
    ) then
        return false;
    end if;
    execute format('drop table %I', name);
    return true;
end
$$;

revoke all on function drop_day from public;

-- To whomever the making of days is granted.
do $$
declare
    role text;
begin
    for role in
        select grantee::regrole::text from pg_proc, aclexplode(proacl)
        where proname = 'ensure_days' and pronamespace = current_schema()::regnamespace and grantee not in (0, proowner)
    loop
        execute format('grant execute on function drop_day to %s', role);
    end loop;
end $$;
