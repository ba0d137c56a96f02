-- name: fold
-- What a slice adds to an owner's days (UTC): emails on the day on which they were sent, with what became of them until
-- today; interactions on the day on which they happened. $1 is the lane.
insert into tenant_day as d (
    tenant, day, owner, lane,
    emails, followed_emails,
    opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
    viewed_emails, human_viewed_emails, replied_emails, human_replied_emails,
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
    tenant, day, owner, $1::smallint,
    coalesce(sum(emails), 0),
    coalesce(sum(followed_emails), 0),
    coalesce(sum(opened_emails), 0),
    coalesce(sum(human_opened_emails), 0),
    coalesce(sum(clicked_emails), 0),
    coalesce(sum(human_clicked_emails), 0),
    coalesce(sum(viewed_emails), 0),
    coalesce(sum(human_viewed_emails), 0),
    coalesce(sum(replied_emails), 0),
    coalesce(sum(human_replied_emails), 0),
    coalesce(sum(happened) filter (where kind = 1), 0),
    min(first_at) filter (where kind = 1),
    max(last_at) filter (where kind = 1),
    coalesce(sum(happened) filter (where kind = 1 and human), 0),
    min(first_at) filter (where kind = 1 and human),
    max(last_at) filter (where kind = 1 and human),
    coalesce(sum(happened) filter (where kind = 2), 0),
    min(first_at) filter (where kind = 2),
    max(last_at) filter (where kind = 2),
    coalesce(sum(happened) filter (where kind = 2 and human), 0),
    min(first_at) filter (where kind = 2 and human),
    max(last_at) filter (where kind = 2 and human),
    coalesce(sum(views) filter (where kind = 3), 0),
    min(first_at) filter (where kind = 3),
    max(last_at) filter (where kind = 3),
    coalesce(sum(human_views) filter (where kind = 3), 0),
    min(first_at) filter (where kind = 3 and human),
    max(last_at) filter (where kind = 3 and human),
    coalesce(sum(happened) filter (where kind = 4), 0),
    min(first_at) filter (where kind = 4),
    max(last_at) filter (where kind = 4),
    coalesce(sum(happened) filter (where kind = 4 and human), 0),
    min(first_at) filter (where kind = 4 and human),
    max(last_at) filter (where kind = 4 and human)
from (
    select
        tenant, day, owner,
        emails, followed_emails,
        opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
        viewed_emails, human_viewed_emails, replied_emails, human_replied_emails,
        null::smallint as kind, null::boolean as human, null::bigint as happened, null::bigint as views,
        null::bigint as human_views, null::bigint as first_at, null::bigint as last_at
    from staged_cohort
    union all
    select
        tenant, date '1970-01-01' + (hour / 24)::integer, owner,
        null, null,
        null, null, null, null,
        null, null, null, null,
        kind, human, happened, views, human_views, first_at, last_at
    from staged_activity
) added
group by tenant, day, owner
order by tenant, day, owner
on conflict (tenant, day, owner, lane) do update set
    emails = d.emails + excluded.emails,
    followed_emails = d.followed_emails + excluded.followed_emails,
    opened_emails = d.opened_emails + excluded.opened_emails,
    human_opened_emails = d.human_opened_emails + excluded.human_opened_emails,
    clicked_emails = d.clicked_emails + excluded.clicked_emails,
    human_clicked_emails = d.human_clicked_emails + excluded.human_clicked_emails,
    viewed_emails = d.viewed_emails + excluded.viewed_emails,
    human_viewed_emails = d.human_viewed_emails + excluded.human_viewed_emails,
    replied_emails = d.replied_emails + excluded.replied_emails,
    human_replied_emails = d.human_replied_emails + excluded.human_replied_emails,
    opens = d.opens + excluded.opens,
    first_opened_at = least(d.first_opened_at, excluded.first_opened_at),
    last_opened_at = greatest(d.last_opened_at, excluded.last_opened_at),
    human_opens = d.human_opens + excluded.human_opens,
    human_first_opened_at = least(d.human_first_opened_at, excluded.human_first_opened_at),
    human_last_opened_at = greatest(d.human_last_opened_at, excluded.human_last_opened_at),
    clicks = d.clicks + excluded.clicks,
    first_clicked_at = least(d.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(d.last_clicked_at, excluded.last_clicked_at),
    human_clicks = d.human_clicks + excluded.human_clicks,
    human_first_clicked_at = least(d.human_first_clicked_at, excluded.human_first_clicked_at),
    human_last_clicked_at = greatest(d.human_last_clicked_at, excluded.human_last_clicked_at),
    attachment_views = d.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(d.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(d.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = d.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(d.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(d.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at),
    replies = d.replies + excluded.replies,
    first_replied_at = least(d.first_replied_at, excluded.first_replied_at),
    last_replied_at = greatest(d.last_replied_at, excluded.last_replied_at),
    human_replies = d.human_replies + excluded.human_replies,
    human_first_replied_at = least(d.human_first_replied_at, excluded.human_first_replied_at),
    human_last_replied_at = greatest(d.human_last_replied_at, excluded.human_last_replied_at);
