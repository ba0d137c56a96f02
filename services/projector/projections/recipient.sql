-- name: fold
-- What is new of each recipient is added to that recipient's row; a shared copy's hits are nobody's.
insert into recipient as r (
    tenant, message_id, ref,
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
    tenant, message_id, ref,
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
where ref is not null
group by tenant, message_id, ref
order by tenant, message_id, ref
on conflict (tenant, message_id, ref) do update set
    opens = r.opens + excluded.opens,
    first_opened_at = least(r.first_opened_at, excluded.first_opened_at),
    last_opened_at = greatest(r.last_opened_at, excluded.last_opened_at),
    human_opens = r.human_opens + excluded.human_opens,
    human_first_opened_at = least(r.human_first_opened_at, excluded.human_first_opened_at),
    human_last_opened_at = greatest(r.human_last_opened_at, excluded.human_last_opened_at),
    clicks = r.clicks + excluded.clicks,
    first_clicked_at = least(r.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(r.last_clicked_at, excluded.last_clicked_at),
    human_clicks = r.human_clicks + excluded.human_clicks,
    human_first_clicked_at = least(r.human_first_clicked_at, excluded.human_first_clicked_at),
    human_last_clicked_at = greatest(r.human_last_clicked_at, excluded.human_last_clicked_at),
    attachment_views = r.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(r.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(r.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = r.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(r.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(r.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at),
    replies = r.replies + excluded.replies,
    first_replied_at = least(r.first_replied_at, excluded.first_replied_at),
    last_replied_at = greatest(r.last_replied_at, excluded.last_replied_at),
    human_replies = r.human_replies + excluded.human_replies,
    human_first_replied_at = least(r.human_first_replied_at, excluded.human_first_replied_at),
    human_last_replied_at = greatest(r.human_last_replied_at, excluded.human_last_replied_at);
