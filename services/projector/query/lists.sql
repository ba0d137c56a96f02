-- name: messages
-- One page of messages, each with its first 20 recipients and with what names people and content in it, as far as it was not
-- forgotten: all in one statement, so that a page is one way to the database. `m.sent_at` is when a held mail left, or when one that was not held was prepared.
select
    m.*,
    {key} as sort_key,
    {tie} as sort_tie,
    (
        select t.name
        from template t
        where t.tenant = m.tenant and t.template_id = m.template_id
        order by t.named_at desc
        limit 1
    ) as template_name,
    (
        select jsonb_agg(to_jsonb(first) order by first.position nulls last, first.ref)
        from (
            select ref, position, kind, field, followed, reason
            from recipient r
            where r.tenant = m.tenant and r.message_id = m.message_id
            order by position nulls last, ref
            limit 20
        ) first
    ) as people,
    (
        select jsonb_build_object('subject', p.subject, 'recipients', p.body -> 'recipients')
        from personal p
        where p.tenant = m.tenant and p.message_id = m.message_id
    ) as named
from {source}
where {where}
order by {order}
limit {limit};

-- name: templates
-- One page of templates, added up over the lanes; the latest name and version count.
with summed as (
    select
        tenant,
        template_id as id,
        (array_agg(name order by named_at desc))[1] as name,
        (array_agg(version order by named_at desc))[1] as version,
        sum(emails)::bigint as email_count,
        sum(followed_emails)::bigint as followed_count,
        sum(opened_emails)::bigint as opened_count,
        sum(human_opened_emails)::bigint as human_opened_count,
        sum(clicked_emails)::bigint as clicked_count,
        sum(human_clicked_emails)::bigint as human_clicked_count,
        sum(viewed_emails)::bigint as viewed_count,
        sum(human_viewed_emails)::bigint as human_viewed_count,
        sum(replied_emails)::bigint as replied_count,
        sum(human_replied_emails)::bigint as human_replied_count,
        sum(opens)::bigint as opens,
        min(first_opened_at) as first_opened_at,
        max(last_opened_at) as last_opened_at,
        sum(human_opens)::bigint as human_opens,
        min(human_first_opened_at) as human_first_opened_at,
        max(human_last_opened_at) as human_last_opened_at,
        sum(clicks)::bigint as clicks,
        min(first_clicked_at) as first_clicked_at,
        max(last_clicked_at) as last_clicked_at,
        sum(human_clicks)::bigint as human_clicks,
        min(human_first_clicked_at) as human_first_clicked_at,
        max(human_last_clicked_at) as human_last_clicked_at,
        sum(attachment_views)::bigint as attachment_views,
        min(first_attachment_viewed_at) as first_attachment_viewed_at,
        max(last_attachment_viewed_at) as last_attachment_viewed_at,
        sum(human_attachment_views)::bigint as human_attachment_views,
        min(human_first_attachment_viewed_at) as human_first_attachment_viewed_at,
        max(human_last_attachment_viewed_at) as human_last_attachment_viewed_at,
        sum(replies)::bigint as replies,
        min(first_replied_at) as first_replied_at,
        max(last_replied_at) as last_replied_at,
        sum(human_replies)::bigint as human_replies,
        min(human_first_replied_at) as human_first_replied_at,
        max(human_last_replied_at) as human_last_replied_at
    from template
    group by tenant, template_id
),
rated as (
    select
        *,
        human_opened_count::float8 / nullif(followed_count, 0) as open_rate,
        human_clicked_count::float8 / nullif(followed_count, 0) as click_rate,
        human_viewed_count::float8 / nullif(followed_count, 0) as attachment_view_rate,
        human_replied_count::float8 / nullif(followed_count, 0) as reply_rate
    from summed
)
select *, {key} as sort_key, {tie} as sort_tie
from rated m
where {where}
order by {order}
limit {limit};

-- name: where_tenant
-- Rows of the caller's tenant.
m.tenant = {0};

-- name: where_prepared
-- Mails whose preparation was folded; hits may come before it.
m.prepared_at is not null;

-- name: where_owner
-- Mails of one seller.
m.owner = {0};

-- name: where_followed
-- Followed mails; said without an argument so that the partial indexes serve it.
m.followed;

-- name: where_unfollowed
-- Mails that are not followed.
not m.followed;

-- name: where_template
-- Mails written from one template.
m.template_id = {0};

-- name: where_regarding
-- Mails about one record of the caller's.
m.regarding = {0};

-- name: where_ref
-- Mails to one person, by ref.
m.message_id in (select r.message_id from recipient r where r.tenant = m.tenant and r.ref = {0});

-- name: where_person
-- Mails to one person, by the caller's id for the person.
m.message_id in (select p.message_id from person p where p.tenant = m.tenant and p.id = {0});

-- name: status_cancelled
-- What makes an email cancelled; a status is the first that holds, in the order of `status.py`.
m.cancelled_at is not null;

-- name: status_scheduled
-- What makes an email scheduled.
(m.scheduled_at is not null and m.sent_at is null);

-- name: status_bounced
-- What makes an email bounced.
m.bounced_at is not null;

-- name: status_not_followed
-- What makes an email not followed.
not m.followed;

-- name: status_replied
-- What makes an email replied to.
m.human_last_replied_at is not null;

-- name: status_clicked
-- What makes an email clicked.
m.human_last_clicked_at is not null;

-- name: status_viewed
-- What makes an email one whose file was viewed.
m.human_last_attachment_viewed_at is not null;

-- name: status_opened
-- What makes an email opened.
m.human_last_opened_at is not null;

-- name: status_opened_by_machine
-- What makes an email opened by machines only.
m.last_opened_at is not null;

-- name: status_not_opened
-- Every other one.
true;

-- name: where_untold
-- No mail at all: what is asked for is not to be told.
false;

-- name: where_found
-- Mails with a term in the subject, or in the name or address of a recipient.
exists (
    select
    from personal p
    where p.tenant = m.tenant and p.message_id = m.message_id and position(lower({0}) in p.haystack) > 0
);

-- name: where_labelled
-- Mails with a label of this name and value.
m.labels @> {0}::jsonb;

-- name: where_label_named
-- Mails with a label of this name.
m.labels ? {0};

-- name: where_ids
-- Mails that were found beforehand.
m.message_id = any({0}::uuid[]);

-- name: found
-- The ids of the mails with all these terms; null where there are more than $2.
select found_messages($1::text[], $2);

-- name: labelled
-- The ids of mails with a label, of a value or of any; one more than are wanted at most.
select message_id
from label
where tenant = $1 and name = $2 and ($3::text is null or value = $3)
limit $4;

-- name: where_template_found
-- Templates with a text in the name or id.
(m.name ilike {0} or m.id ilike {0});

-- name: where_id
-- The template of this id.
m.id = {0};
