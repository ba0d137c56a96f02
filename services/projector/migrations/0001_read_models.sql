-- Read models of the projector. All times are microseconds since the Unix epoch, UTC. A message's row may come from a
-- hit before its message.prepared was folded: prepared_at is null until then. scheduled_at is the latest time a held
-- mail was given, at rescheduled_at; handed_at says when it went to the next mail server. bounced_at is of permanent ones.

create table message (
    tenant text not null,
    message_id uuid not null,
    lane smallint not null,
    prepared_at bigint,
    owner text,
    followed boolean,
    reason text,
    renditions text,
    template_id text,
    template_version text,
    regarding text,
    labels jsonb,
    thread text,
    mode text,
    scheduled_at bigint,
    rescheduled_at bigint,
    handed_at bigint,
    sent_at bigint generated always as (coalesce(handed_at, case when scheduled_at is null then prepared_at end)) stored,
    cancelled_at bigint,
    bounced_at bigint,
    complained_at bigint,
    opens bigint not null default 0,
    first_opened_at bigint,
    last_opened_at bigint,
    human_opens bigint not null default 0,
    human_first_opened_at bigint,
    human_last_opened_at bigint,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    replies bigint not null default 0,
    first_replied_at bigint,
    last_replied_at bigint,
    human_replies bigint not null default 0,
    human_first_replied_at bigint,
    human_last_replied_at bigint,
    primary key (tenant, message_id)
) with (fillfactor = 70);

create index message_by_sent on message (tenant, sent_at desc nulls last, message_id desc) where followed;
create index message_by_last_opened on message (tenant, last_opened_at desc nulls last, message_id desc) where followed;
create index message_by_owner_sent on message (tenant, owner, sent_at desc nulls last, message_id desc) where followed;
create index message_by_owner_opened on message (tenant, owner, last_opened_at desc nulls last, message_id desc) where followed;

create index message_by_regarding on message (tenant, regarding, sent_at desc nulls last, message_id desc)
    where regarding is not null;

-- A shared copy's hits count for the message only, so they are in no recipient's row.
create table recipient (
    tenant text not null,
    message_id uuid not null,
    ref text not null,
    position smallint,
    kind text,
    field text,
    followed boolean,
    reason text,
    time_zone text,
    opens bigint not null default 0,
    first_opened_at bigint,
    last_opened_at bigint,
    human_opens bigint not null default 0,
    human_first_opened_at bigint,
    human_last_opened_at bigint,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    replies bigint not null default 0,
    first_replied_at bigint,
    last_replied_at bigint,
    human_replies bigint not null default 0,
    human_first_replied_at bigint,
    human_last_replied_at bigint,
    primary key (tenant, message_id, ref)
) with (fillfactor = 70);

create index recipient_by_ref on recipient (tenant, ref, message_id);

create table link (
    tenant text not null,
    message_id uuid not null,
    link_index integer not null,
    position integer,
    host text,
    followed boolean,
    reason text,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    primary key (tenant, message_id, link_index)
) with (fillfactor = 70);

create table attachment (
    tenant text not null,
    message_id uuid not null,
    attachment_index integer not null,
    size bigint,
    content_type text,
    followed boolean,
    reason text,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    primary key (tenant, message_id, attachment_index)
) with (fillfactor = 70);

-- Who viewed which file.
create table viewer (
    tenant text not null,
    message_id uuid not null,
    attachment_index integer not null,
    ref text not null,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    primary key (tenant, message_id, attachment_index, ref)
) with (fillfactor = 70);

-- Views of files that have begun to count: requests of one file by one reader (ref is '' for a shared copy's), from one
-- network and program (their digest) in one ten minutes of the clock (slot, counted since the epoch), are one view, and a
-- person's when one of them is. Slots into which no hit can fall any more are dropped.
create table view_slot (
    tenant text not null,
    message_id uuid not null,
    item integer not null,
    ref text not null,
    visitor bytea not null,
    slot bigint not null,
    human boolean not null,
    primary key (tenant, message_id, item, ref, visitor, slot)
);

create index view_slot_by_slot on view_slot (slot);

-- One row per lane, summed on read, so that two workers never wait for each other's roll-ups. emails are all mails written
-- from the template; every other figure is of the followed ones. The *_emails columns count emails with at least one such
-- interaction.
create table template (
    tenant text not null,
    template_id text not null,
    lane smallint not null,
    name text,
    version text,
    named_at bigint not null default 0,
    emails bigint not null default 0,
    followed_emails bigint not null default 0,
    opened_emails bigint not null default 0,
    human_opened_emails bigint not null default 0,
    clicked_emails bigint not null default 0,
    human_clicked_emails bigint not null default 0,
    viewed_emails bigint not null default 0,
    human_viewed_emails bigint not null default 0,
    replied_emails bigint not null default 0,
    human_replied_emails bigint not null default 0,
    opens bigint not null default 0,
    first_opened_at bigint,
    last_opened_at bigint,
    human_opens bigint not null default 0,
    human_first_opened_at bigint,
    human_last_opened_at bigint,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    replies bigint not null default 0,
    first_replied_at bigint,
    last_replied_at bigint,
    human_replies bigint not null default 0,
    human_first_replied_at bigint,
    human_last_replied_at bigint,
    primary key (tenant, template_id, lane)
) with (fillfactor = 50);

-- An owner's days, in UTC; one row per lane. emails and the *_emails columns are of the mails sent on that day, whenever
-- something became of them; every other figure is of what happened on that day. All but emails are of followed mails.
create table tenant_day (
    tenant text not null,
    day date not null,
    owner text not null,
    lane smallint not null,
    emails bigint not null default 0,
    followed_emails bigint not null default 0,
    opened_emails bigint not null default 0,
    human_opened_emails bigint not null default 0,
    clicked_emails bigint not null default 0,
    human_clicked_emails bigint not null default 0,
    viewed_emails bigint not null default 0,
    human_viewed_emails bigint not null default 0,
    replied_emails bigint not null default 0,
    human_replied_emails bigint not null default 0,
    opens bigint not null default 0,
    first_opened_at bigint,
    last_opened_at bigint,
    human_opens bigint not null default 0,
    human_first_opened_at bigint,
    human_last_opened_at bigint,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    replies bigint not null default 0,
    first_replied_at bigint,
    last_replied_at bigint,
    human_replies bigint not null default 0,
    human_first_replied_at bigint,
    human_last_replied_at bigint,
    primary key (tenant, day, owner, lane)
) with (fillfactor = 50);

-- What happened to an owner's followed mails by the hour of the week in UTC: 0 is Monday's first. One row per lane.
create table hour_of_week (
    tenant text not null,
    owner text not null,
    hour smallint not null,
    lane smallint not null,
    opens bigint not null default 0,
    first_opened_at bigint,
    last_opened_at bigint,
    human_opens bigint not null default 0,
    human_first_opened_at bigint,
    human_last_opened_at bigint,
    clicks bigint not null default 0,
    first_clicked_at bigint,
    last_clicked_at bigint,
    human_clicks bigint not null default 0,
    human_first_clicked_at bigint,
    human_last_clicked_at bigint,
    attachment_views bigint not null default 0,
    first_attachment_viewed_at bigint,
    last_attachment_viewed_at bigint,
    human_attachment_views bigint not null default 0,
    human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint,
    replies bigint not null default 0,
    first_replied_at bigint,
    last_replied_at bigint,
    human_replies bigint not null default 0,
    human_first_replied_at bigint,
    human_last_replied_at bigint,
    primary key (tenant, owner, hour, lane)
) with (fillfactor = 50);

-- Every hit, whole; the dedupe set. Range-partitioned by the day inside the version 7 event id (see ensure_days). kind: 1
-- open, 2 click, 3 attachment view. ref is null for a shared copy. recorded_at is of the copy that was folded first.
create table interaction (
    event_id uuid not null,
    tenant text not null,
    message_id uuid not null,
    ref text,
    kind smallint not null,
    item integer,
    occurred_at bigint not null,
    recorded_at bigint not null,
    agent text not null,
    rule text not null,
    human boolean not null,
    method text not null,
    edge text not null,
    user_agent text not null,
    network text,
    language text,
    purpose text,
    sec_purpose text,
    byte_range text,
    primary key (event_id)
) partition by range (event_id);

create table interaction_other partition of interaction default;
create index interaction_by_message on interaction (tenant, message_id, occurred_at desc, event_id desc);

-- Replies, bounces and complaints: few, and named by their business key.
create table correspondence (
    event_id uuid primary key,
    tenant text not null,
    message_id uuid not null,
    ref text,
    type text not null,
    occurred_at bigint not null,
    human boolean not null,
    author text,
    rule text not null,
    returns_at bigint,
    permanent boolean,
    status text
);

create index correspondence_by_message on correspondence (tenant, message_id, occurred_at desc, event_id desc);

-- A table of our own of engagement.personal.v1, whose tombstones name the message alone.
create table personal (
    tenant text not null,
    message_id uuid not null,
    subject text not null,
    body jsonb not null,
    primary key (message_id, tenant)
);

-- Which refs stand for a person whom the caller has named by an id; from personal, and forgotten with it.
create table person (
    tenant text not null,
    message_id uuid not null,
    ref text not null,
    id text not null,
    primary key (message_id, tenant, ref)
);

create index person_by_id on person (tenant, id, message_id);

-- A table of our own of engagement.settings.v1: what an answer must know of a tenant. Without a row, engagement is on.
create table tenant_setting (
    tenant text primary key,
    engagement boolean not null
);

-- What was stated as a fact, so that it is stated once; no rebuild touches it. type is the fact's without its version;
-- ref is '' for what is about the whole message, as everything is in a shared copy.
create table first_fact (
    tenant text not null,
    message_id uuid not null,
    ref text not null,
    type text not null,
    ordinal smallint not null,
    event_id uuid not null,
    occurred_at bigint not null,
    primary key (tenant, message_id, ref, type, ordinal)
);
