-- From which day on the history is whole: what retention has taken away is said, to the tenant whose it was.

-- An empty tenant is everybody: whole days were dropped. No rebuild touches it: what is gone is gone, until a rebuild reads it
-- again and retention takes it again.
create table history_floor (
    tenant text primary key,
    first_day date not null
);

grant select, insert, update on history_floor to inkling_projector_writer;
grant select on history_floor to inkling_projector_reader;
alter table history_floor enable row level security;
alter table history_floor force row level security;
create policy writes on history_floor to inkling_projector_writer using (true) with check (true);
create policy reads on history_floor for select to inkling_projector_reader using (
    current_setting('app.tenant', true) <> '' and tenant in ('', current_setting('app.tenant', true)));

-- Hits of days that have no partition lie together; retention looks at them day by day.
grant select on interaction_other to inkling_projector_writer;

-- The day inside a version 7 id (RFC 9562 §5.7).
create function day_of(event_id uuid) returns date
    language sql immutable strict parallel safe
    return date '1970-01-01'
        + ((('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint) / 86400000)::integer;
