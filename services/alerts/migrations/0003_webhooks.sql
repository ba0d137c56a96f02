-- Webhooks: a tenant's endpoints, their secrets, and what is to be delivered. Times are microseconds since the Unix
-- epoch, by the clock of the process that writes them.

create table webhook (
    id              uuid    primary key,
    tenant          text    not null,
    url             text    not null,
    types           text[]  not null,          -- empty: every type
    names           boolean not null,          -- whether bodies say names, addresses, subject
    description     text    not null,
    enabled         boolean not null,
    disabled_reason text,                      -- by_request, gone, failing
    disabled_at     bigint,
    failing_since   bigint,                    -- the first failure after the last success
    created_at      bigint  not null,
    updated_at      bigint  not null,
    check (enabled = (disabled_reason is null))
) with (fillfactor = 70);
create index webhook_of_tenant on webhook (tenant, created_at, id);

-- One signs new deliveries for ever, those replaced by it until their overlap is over.
create table webhook_secret (
    webhook_id  uuid   not null references webhook on delete cascade,
    tenant      text   not null,
    created_at  bigint not null,
    signs_until bigint,
    secret      text   not null,
    primary key (webhook_id, created_at)
);

-- One row per fact that can be delivered: it waits here for its message, and is delivered once it is told.
create table fact (
    fact_id     uuid    primary key,
    tenant      text    not null,
    type        text    not null,
    message_id  uuid    not null,
    ref         text,
    ordinal     integer not null,
    occurred_at bigint  not null,
    detail      jsonb   not null,
    told_at     bigint
);
create index fact_waiting on fact (message_id) where told_at is null;
create index fact_by_told on fact (told_at) where told_at is not null;

-- One fact for one endpoint; the id is its webhook-id. `attempt` is the fence: a claim raises it, and a result is
-- written only while it is what it was when the call was made. The body is written by the first claim.
create table delivery (
    id           uuid    primary key,
    seq          bigint  generated always as identity,
    webhook_id   uuid    not null references webhook on delete cascade,
    tenant       text    not null,
    fact_id      uuid,                         -- null: a test
    message_id   uuid,
    type         text    not null,
    created_at   bigint  not null,
    state        text    not null check (state in ('pending', 'delivered', 'dead')),
    dead_reason  text,
    due_at       bigint  not null,
    lease_until  bigint  not null default 0,
    attempt      integer not null default 0,
    failures     integer not null default 0,   -- where in the schedule it stands
    calls        integer not null default 0,   -- results written, replays included
    status       integer,                      -- of the last call: HTTP code, result, duration
    result       text,
    duration_ms  integer,
    called_at    bigint,
    delivered_at bigint,
    body         bytea
) with (fillfactor = 70);
create index delivery_due on delivery (webhook_id, due_at, seq) where state = 'pending';
create index delivery_of_webhook on delivery (webhook_id, created_at desc, seq desc);
create index delivery_of_message on delivery (message_id) where body is not null;
create index delivery_by_age on delivery (created_at);

grant select, insert, update, delete on webhook, webhook_secret, fact, delivery to inkling_alerts_writer;
grant select on webhook to inkling_alerts_reader;
-- Never the secret, and never a body: it may hold names.
grant select (webhook_id, tenant, created_at, signs_until) on webhook_secret to inkling_alerts_reader;
grant select (
    id, seq, webhook_id, tenant, fact_id, message_id, type, created_at, state, dead_reason, due_at, lease_until,
    attempt, failures, calls, status, result, duration_ms, called_at, delivered_at
) on delivery to inkling_alerts_reader;

do $$
declare
    name text;
begin
    foreach name in array array['webhook', 'webhook_secret', 'fact', 'delivery'] loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('create policy writes on %I to inkling_alerts_writer using (true) with check (true)', name);
    end loop;
    -- An endpoint is the tenant's: who is shown one owner's alerts sees none of it.
    foreach name in array array['webhook', 'webhook_secret', 'delivery'] loop
        execute format(
            'create policy reads on %I for select to inkling_alerts_reader using (
                tenant = current_setting(''app.tenant'', true)
                and coalesce(current_setting(''app.owner'', true), '''') = '''')',
            name);
    end loop;
end $$;
