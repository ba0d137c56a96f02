-- name: fold
-- What a slice adds to an owner's hours of the week, of which the first is Monday's from 00:00 to 01:00, UTC. The epoch was a
-- Thursday. $1 is the lane.
insert into hour_of_week as h (
    tenant, owner, hour, lane,
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
    tenant, owner, (hour + 72) % 168, $1::smallint,
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
from staged_activity
group by 1, 2, 3
order by 1, 2, 3
on conflict (tenant, owner, hour, lane) do update set
    opens = h.opens + excluded.opens,
    first_opened_at = least(h.first_opened_at, excluded.first_opened_at),
    last_opened_at = greatest(h.last_opened_at, excluded.last_opened_at),
    human_opens = h.human_opens + excluded.human_opens,
    human_first_opened_at = least(h.human_first_opened_at, excluded.human_first_opened_at),
    human_last_opened_at = greatest(h.human_last_opened_at, excluded.human_last_opened_at),
    clicks = h.clicks + excluded.clicks,
    first_clicked_at = least(h.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(h.last_clicked_at, excluded.last_clicked_at),
    human_clicks = h.human_clicks + excluded.human_clicks,
    human_first_clicked_at = least(h.human_first_clicked_at, excluded.human_first_clicked_at),
    human_last_clicked_at = greatest(h.human_last_clicked_at, excluded.human_last_clicked_at),
    attachment_views = h.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(h.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(h.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = h.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(h.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(h.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at),
    replies = h.replies + excluded.replies,
    first_replied_at = least(h.first_replied_at, excluded.first_replied_at),
    last_replied_at = greatest(h.last_replied_at, excluded.last_replied_at),
    human_replies = h.human_replies + excluded.human_replies,
    human_first_replied_at = least(h.human_first_replied_at, excluded.human_first_replied_at),
    human_last_replied_at = greatest(h.human_last_replied_at, excluded.human_last_replied_at);
