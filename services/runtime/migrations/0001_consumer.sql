-- What every service with a consumer keeps in its own schema.

create table checkpoint (
    consumer    text    not null,
    topic       text    not null,
    partition   integer not null,
    epoch       bigint  not null default 0,  -- the fence: only the latest claim may write
    owner       text,
    lease_until timestamptz,                 -- this server's clock only
    next_offset bigint,                      -- null: not begun
    anchor      bytea,                       -- digest of the record before next_offset
    halted      text,                        -- why nobody goes on here; an operator clears it
    read_to     timestamptz,                 -- what Kafka acknowledged before this is folded
    primary key (consumer, topic, partition)
) with (fillfactor = 50);

create table worker (
    id      text primary key,                -- consumer/…
    seen_at timestamptz not null default clock_timestamp()
);

create table quarantine (
    topic         text     not null,
    partition     integer  not null,
    record_offset bigint   not null,
    reason        text     not null,
    detail        text     not null,
    key           bytea,
    headers       bytea    not null,         -- JSON: [[name, value as Latin-1], …]
    value         bytea,
    first_at      bigint   not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
    state         smallint not null default 0,  -- 0 set aside, 1 applied later, 2 given up
    primary key (topic, partition, record_offset)
);

create table outbox (
    lane       integer not null,             -- the partition it goes to
    seq        bigint  generated always as identity,
    key        bytea   not null,
    headers    jsonb   not null default '{}',  -- {name: text value}
    value      bytea,
    created_at bigint  not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
    primary key (lane, seq)
);

do $$
declare
    own    text := current_schema();
    writer text := format('inkling_%s_writer', own);
    reader text := format('inkling_%s_reader', own);
begin
    execute format('grant usage on schema %I to %I, %I', own, writer, reader);
    execute format('grant select on schema_version to %I, %I', writer, reader);
    execute format('grant select, insert, update, delete on checkpoint, worker, quarantine, outbox to %I', writer);
    execute format('grant select on checkpoint, quarantine to %I', reader);
end $$;
