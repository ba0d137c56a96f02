-- What operators must know of lanes: why one stands still, what was never folded, and what became of what was set aside.

alter table checkpoint
    add column topic_id      text,           -- Kafka's id of the topic that is read; another id is another log
    add column halted_at     timestamptz,
    add column halted_detail text;

alter table quarantine
    add column timestamp_ms bigint,          -- the record's own; null: set aside by a version that did not keep it
    add column attempts     integer not null default 0,  -- how often it was re-driven, in vain or not
    add column changed_at   bigint,          -- when it was re-driven or given up last
    add column changed_by   text;
create index quarantine_waiting on quarantine (topic, partition, record_offset) where state = 0;

-- Records that were passed over by somebody's decision, never folded. Rows are written once and stay.
create table gap (
    id          bigint generated always as identity primary key,
    consumer    text    not null,
    topic       text    not null,
    partition   integer not null,
    from_offset bigint  not null,
    to_offset   bigint  not null,            -- the first one that is read again
    reason      text    not null,
    made_by     text    not null,
    made_at     timestamptz not null default clock_timestamp(),
    check (from_offset < to_offset)
);

-- To whomever the first tables were granted, since a second copy of them may lie in a schema of another name.
do $$
declare
    granted record;
begin
    for granted in
        select grantee::regrole as role, bool_or(privilege_type = 'INSERT') as writes
        from pg_class, aclexplode(relacl)
        where oid = 'checkpoint'::regclass and grantee <> relowner and grantee <> 0
        group by grantee
    loop
        execute format('grant select on gap to %s', granted.role);
        if granted.writes then
            execute format('grant insert on gap to %s', granted.role);
        end if;
    end loop;
end $$;
