-- name: fold
-- New views are added to the row of their file and reader; a shared copy's are nobody's.
insert into viewer as v (
    tenant, message_id, attachment_index, ref,
    attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at
)
select
    tenant, message_id, item, ref,
    sum(views),
    min(occurred_at),
    max(occurred_at),
    sum(human_views),
    min(occurred_at) filter (where human),
    max(occurred_at) filter (where human)
from staged_fresh
where kind = 3 and ref is not null
group by tenant, message_id, item, ref
order by tenant, message_id, item, ref
on conflict (tenant, message_id, attachment_index, ref) do update set
    attachment_views = v.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(v.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(v.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = v.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(v.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(v.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at);
