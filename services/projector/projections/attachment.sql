-- name: fold
-- New views are added to their file's row.
insert into attachment as a (
    tenant, message_id, attachment_index,
    attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at
)
select
    tenant, message_id, item,
    sum(views),
    min(occurred_at),
    max(occurred_at),
    sum(human_views),
    min(occurred_at) filter (where human),
    max(occurred_at) filter (where human)
from staged_fresh
where kind = 3
group by tenant, message_id, item
order by tenant, message_id, item
on conflict (tenant, message_id, attachment_index) do update set
    attachment_views = a.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(a.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(a.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = a.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(a.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(a.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at);
