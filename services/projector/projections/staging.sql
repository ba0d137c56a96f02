-- name: create
-- The tables that a slice is copied into; each connection has its own, and they are empty again after every commit. Every
-- commit empties all of them, and plain storage, which does without a second table for long values, makes that cheap; what
-- is stored plainly has its length bounded by the contract.
create temporary table staged_hit (
    event_id uuid, tenant text storage plain, message_id uuid, ref text storage plain, kind smallint, item integer,
    occurred_at bigint, recorded_at bigint, agent text storage plain, rule text storage plain, human boolean,
    method text storage plain, edge text storage plain, user_agent text storage plain, network text storage plain,
    language text storage plain, purpose text storage plain, sec_purpose text storage plain,
    byte_range text storage plain
) on commit delete rows;

create temporary table staged_correspondence (
    event_id uuid, tenant text storage plain, message_id uuid, ref text storage plain, type text storage plain,
    occurred_at bigint, human boolean, author text storage plain, rule text storage plain, returns_at bigint,
    permanent boolean, status text storage plain, from_ref text storage plain
) on commit delete rows;

create temporary table staged_message (
    event_id uuid, tenant text, message_id uuid, prepared_at bigint, owner text, followed boolean, reason text,
    renditions text, mode text, template_id text, template_name text, template_version text, regarding text, labels jsonb,
    thread text, scheduled_at bigint, sender_ref text, recipient_count integer
) on commit delete rows;

create temporary table staged_recipient (
    tenant text storage plain, message_id uuid, ref text storage plain, position smallint, kind text storage plain,
    field text storage plain, followed boolean, reason text storage plain, time_zone text storage plain
) on commit delete rows;

create temporary table staged_link (
    tenant text storage plain, message_id uuid, link_index integer, position integer, host text storage plain,
    followed boolean, reason text storage plain
) on commit delete rows;

create temporary table staged_attachment (
    tenant text storage plain, message_id uuid, attachment_index integer, size bigint, content_type text storage plain,
    followed boolean, reason text storage plain
) on commit delete rows;

create temporary table staged_held (
    tenant text storage plain, message_id uuid, type text storage plain, occurred_at bigint, scheduled_at bigint
) on commit delete rows;

create temporary table staged_personal (
    tenant text, message_id uuid, subject text, body jsonb
) on commit delete rows;

-- Interactions and replies seen for the first time: what the counting read models fold. visitor is the network and program
-- that viewed a file; views and human_views say of which views a request is the one that counts.
create temporary table staged_fresh (
    tenant text storage plain, message_id uuid, ref text storage plain, kind smallint, item integer,
    occurred_at bigint, human boolean, event_id uuid, visitor bytea storage plain, views smallint default 0,
    human_views smallint default 0
) on commit delete rows;

-- Mails that became prepared after their first interactions, and these interactions.
create temporary table staged_late (
    tenant text storage plain, message_id uuid, owner text storage plain, followed boolean
) on commit delete rows;

create temporary table staged_earlier (
    tenant text storage plain, owner text storage plain, followed boolean, message_id uuid, ref text storage plain,
    kind smallint, item integer, occurred_at bigint, human boolean, event_id uuid, views smallint,
    human_views smallint
) on commit delete rows;

-- The prepared mails among those with new interactions.
create temporary table staged_owned (
    tenant text storage plain, message_id uuid, owner text storage plain, followed boolean
) on commit delete rows;

-- What changed in a mail, for the day on which it was sent.
create temporary table staged_cohort (
    tenant text storage plain, day date, owner text storage plain, emails bigint, followed_emails bigint,
    opened_emails bigint, human_opened_emails bigint, clicked_emails bigint, human_clicked_emails bigint,
    viewed_emails bigint, human_viewed_emails bigint, replied_emails bigint, human_replied_emails bigint
) on commit delete rows;

-- What happened to an owner's mails, by the hours since the epoch.
create temporary table staged_activity (
    tenant text storage plain, owner text storage plain, hour bigint, kind smallint, human boolean, happened bigint,
    views bigint, human_views bigint, first_at bigint, last_at bigint
) on commit delete rows;

-- What changed in a message, for its template.
create temporary table staged_touched (
    tenant text storage plain, template_id text storage plain, name text storage plain, version text storage plain,
    named_at bigint, emails bigint, followed_emails bigint, opened_emails bigint, opens bigint, first_opened_at bigint,
    last_opened_at bigint, human_opened_emails bigint, human_opens bigint, human_first_opened_at bigint,
    human_last_opened_at bigint, clicked_emails bigint, clicks bigint, first_clicked_at bigint, last_clicked_at bigint,
    human_clicked_emails bigint, human_clicks bigint, human_first_clicked_at bigint, human_last_clicked_at bigint,
    viewed_emails bigint, attachment_views bigint, first_attachment_viewed_at bigint, last_attachment_viewed_at bigint,
    human_viewed_emails bigint, human_attachment_views bigint, human_first_attachment_viewed_at bigint,
    human_last_attachment_viewed_at bigint, replied_emails bigint, replies bigint, first_replied_at bigint,
    last_replied_at bigint, human_replied_emails bigint, human_replies bigint, human_first_replied_at bigint,
    human_last_replied_at bigint
) on commit delete rows;
