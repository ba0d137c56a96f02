-- name: fold
-- What is new of each message is added to its row; what that changed goes on to the message's template and to the day on
-- which it was sent.
with changed as (
    insert into message as m (
        tenant, message_id,
        opens, first_opened_at, last_opened_at,
        human_opens, human_first_opened_at, human_last_opened_at,
        clicks, first_clicked_at, last_clicked_at,
        human_clicks, human_first_clicked_at, human_last_clicked_at,
        attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
        human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at,
        replies, first_replied_at, last_replied_at,
        human_replies, human_first_replied_at, human_last_replied_at
    )
    select
        tenant, message_id,
        count(*) filter (where kind = 1),
        min(occurred_at) filter (where kind = 1),
        max(occurred_at) filter (where kind = 1),
        count(*) filter (where kind = 1 and human),
        min(occurred_at) filter (where kind = 1 and human),
        max(occurred_at) filter (where kind = 1 and human),
        count(*) filter (where kind = 2),
        min(occurred_at) filter (where kind = 2),
        max(occurred_at) filter (where kind = 2),
        count(*) filter (where kind = 2 and human),
        min(occurred_at) filter (where kind = 2 and human),
        max(occurred_at) filter (where kind = 2 and human),
        coalesce(sum(views) filter (where kind = 3), 0),
        min(occurred_at) filter (where kind = 3),
        max(occurred_at) filter (where kind = 3),
        coalesce(sum(human_views) filter (where kind = 3), 0),
        min(occurred_at) filter (where kind = 3 and human),
        max(occurred_at) filter (where kind = 3 and human),
        count(*) filter (where kind = 4),
        min(occurred_at) filter (where kind = 4),
        max(occurred_at) filter (where kind = 4),
        count(*) filter (where kind = 4 and human),
        min(occurred_at) filter (where kind = 4 and human),
        max(occurred_at) filter (where kind = 4 and human)
    from staged_fresh
    group by tenant, message_id
    order by tenant, message_id
    on conflict (tenant, message_id) do update set
        opens = m.opens + excluded.opens,
        first_opened_at = least(m.first_opened_at, excluded.first_opened_at),
        last_opened_at = greatest(m.last_opened_at, excluded.last_opened_at),
        human_opens = m.human_opens + excluded.human_opens,
        human_first_opened_at = least(m.human_first_opened_at, excluded.human_first_opened_at),
        human_last_opened_at = greatest(m.human_last_opened_at, excluded.human_last_opened_at),
        clicks = m.clicks + excluded.clicks,
        first_clicked_at = least(m.first_clicked_at, excluded.first_clicked_at),
        last_clicked_at = greatest(m.last_clicked_at, excluded.last_clicked_at),
        human_clicks = m.human_clicks + excluded.human_clicks,
        human_first_clicked_at = least(m.human_first_clicked_at, excluded.human_first_clicked_at),
        human_last_clicked_at = greatest(m.human_last_clicked_at, excluded.human_last_clicked_at),
        attachment_views = m.attachment_views + excluded.attachment_views,
        first_attachment_viewed_at = least(m.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
        last_attachment_viewed_at = greatest(m.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
        human_attachment_views = m.human_attachment_views + excluded.human_attachment_views,
        human_first_attachment_viewed_at = least(m.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
        human_last_attachment_viewed_at = greatest(m.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at),
        replies = m.replies + excluded.replies,
        first_replied_at = least(m.first_replied_at, excluded.first_replied_at),
        last_replied_at = greatest(m.last_replied_at, excluded.last_replied_at),
        human_replies = m.human_replies + excluded.human_replies,
        human_first_replied_at = least(m.human_first_replied_at, excluded.human_first_replied_at),
        human_last_replied_at = greatest(m.human_last_replied_at, excluded.human_last_replied_at)
    returning
        new.tenant, new.message_id, new.prepared_at, new.owner, new.template_id, new.followed, new.sent_at,
        (new.opens > 0)::int - coalesce((old.opens > 0)::int, 0) as opened_emails,
        new.opens - coalesce(old.opens, 0) as opens,
        new.first_opened_at as first_opened_at,
        new.last_opened_at as last_opened_at,
        (new.human_opens > 0)::int - coalesce((old.human_opens > 0)::int, 0) as human_opened_emails,
        new.human_opens - coalesce(old.human_opens, 0) as human_opens,
        new.human_first_opened_at as human_first_opened_at,
        new.human_last_opened_at as human_last_opened_at,
        (new.clicks > 0)::int - coalesce((old.clicks > 0)::int, 0) as clicked_emails,
        new.clicks - coalesce(old.clicks, 0) as clicks,
        new.first_clicked_at as first_clicked_at,
        new.last_clicked_at as last_clicked_at,
        (new.human_clicks > 0)::int - coalesce((old.human_clicks > 0)::int, 0) as human_clicked_emails,
        new.human_clicks - coalesce(old.human_clicks, 0) as human_clicks,
        new.human_first_clicked_at as human_first_clicked_at,
        new.human_last_clicked_at as human_last_clicked_at,
        (new.attachment_views > 0)::int - coalesce((old.attachment_views > 0)::int, 0) as viewed_emails,
        new.attachment_views - coalesce(old.attachment_views, 0) as attachment_views,
        new.first_attachment_viewed_at as first_attachment_viewed_at,
        new.last_attachment_viewed_at as last_attachment_viewed_at,
        (new.human_attachment_views > 0)::int - coalesce((old.human_attachment_views > 0)::int, 0) as human_viewed_emails,
        new.human_attachment_views - coalesce(old.human_attachment_views, 0) as human_attachment_views,
        new.human_first_attachment_viewed_at as human_first_attachment_viewed_at,
        new.human_last_attachment_viewed_at as human_last_attachment_viewed_at,
        (new.replies > 0)::int - coalesce((old.replies > 0)::int, 0) as replied_emails,
        new.replies - coalesce(old.replies, 0) as replies,
        new.first_replied_at as first_replied_at,
        new.last_replied_at as last_replied_at,
        (new.human_replies > 0)::int - coalesce((old.human_replies > 0)::int, 0) as human_replied_emails,
        new.human_replies - coalesce(old.human_replies, 0) as human_replies,
        new.human_first_replied_at as human_first_replied_at,
        new.human_last_replied_at as human_last_replied_at
),
owned as (
    insert into staged_owned (tenant, message_id, owner, followed)
    select tenant, message_id, owner, followed
    from changed
    where prepared_at is not null
),
cohort as (
    insert into staged_cohort (
        tenant, day, owner, emails, followed_emails,
        opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
        viewed_emails, human_viewed_emails, replied_emails, human_replied_emails
    )
    select
        tenant, date '1970-01-01' + (sent_at / 86400000000)::integer, owner, 0, 0,
        opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
        viewed_emails, human_viewed_emails, replied_emails, human_replied_emails
    from changed
    where prepared_at is not null and followed and sent_at is not null
        and (opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
             viewed_emails, human_viewed_emails, replied_emails, human_replied_emails) <> (0, 0, 0, 0, 0, 0, 0, 0)
)
insert into staged_touched (
    tenant, template_id, named_at, emails, followed_emails,
    opened_emails, opens, first_opened_at, last_opened_at,
    human_opened_emails, human_opens, human_first_opened_at, human_last_opened_at,
    clicked_emails, clicks, first_clicked_at, last_clicked_at,
    human_clicked_emails, human_clicks, human_first_clicked_at, human_last_clicked_at,
    viewed_emails, attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_viewed_emails, human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at,
    replied_emails, replies, first_replied_at, last_replied_at,
    human_replied_emails, human_replies, human_first_replied_at, human_last_replied_at
)
select
    tenant, template_id, 0, 0, 0,
    opened_emails, opens, first_opened_at, last_opened_at,
    human_opened_emails, human_opens, human_first_opened_at, human_last_opened_at,
    clicked_emails, clicks, first_clicked_at, last_clicked_at,
    human_clicked_emails, human_clicks, human_first_clicked_at, human_last_clicked_at,
    viewed_emails, attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_viewed_emails, human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at,
    replied_emails, replies, first_replied_at, last_replied_at,
    human_replied_emails, human_replies, human_first_replied_at, human_last_replied_at
from changed
where template_id is not null and followed;
