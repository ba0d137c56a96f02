-- What the alerts service knows of messages, and what it tells of them. The join with `personal` is made on read, so
-- that erasing it there erases it everywhere. All times are microseconds since the Unix epoch.

create table message (
    tenant       text    not null,
    message_id   uuid    not null,
    owner        text    not null,
    followed     boolean not null,
    refs         text[]  not null,
    scheduled_at bigint,
    primary key (message_id, tenant)
);

create table personal (
    tenant     text  not null,
    message_id uuid  not null,
    subject    text  not null,
    body       jsonb not null,
    primary key (message_id, tenant)
);

-- One row per fact that alerts. Owner, number and time of entry come together, once the message is registered; what is
-- withdrawn leaves the inbox but stays here, so that the fact cannot alert again.
create table alert (
    fact_id      uuid    primary key,
    tenant       text    not null,
    type         text    not null,
    message_id   uuid    not null,
    ref          text,
    ordinal      integer not null,
    occurred_at  bigint  not null,
    owner        text,
    seq          bigint,
    created_at   bigint,
    withdrawn_at bigint,
    check (num_nulls(owner, seq, created_at) in (0, 3))
);
create unique index alert_by_seq on alert (tenant, seq);
create index alert_by_owner_and_seq on alert (tenant, owner, seq) where seq is not null;
create index inbox_of_tenant on alert (tenant, occurred_at desc, seq desc)
    where seq is not null and withdrawn_at is null;
create index inbox_of_owner on alert (tenant, owner, occurred_at desc, seq desc)
    where seq is not null and withdrawn_at is null;
create index alert_waiting on alert (message_id) where seq is null and withdrawn_at is null;

-- The last number given in a tenant. Its row lock is held until commit, so that numbers become visible in their order:
-- who has read up to one never misses a smaller one.
create table tenant_sequence (
    tenant text   primary key,
    last   bigint not null
) with (fillfactor = 50);

-- An alert as it is shown: entered, not withdrawn, with whom and what it is about as far as that is known.
create view card with (security_invoker = true) as
select a.fact_id, a.tenant, a.owner, a.seq, a.type, a.message_id, a.ref, a.occurred_at, a.created_at,
       p.message_id is not null as known,
       p.subject,
       jsonb_path_query_first(p.body, '$.recipients[*] ? (@.ref == $ref)', jsonb_build_object('ref', a.ref)) as recipient
from alert as a left join personal as p on p.message_id = a.message_id and p.tenant = a.tenant
where a.seq is not null and a.withdrawn_at is null;
