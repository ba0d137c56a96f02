-- name: fold
-- New clicks are added to their link's row.
insert into link as l (
    tenant, message_id, link_index,
    clicks, first_clicked_at, last_clicked_at,
    human_clicks, human_first_clicked_at, human_last_clicked_at
)
select
    tenant, message_id, item,
    count(*),
    min(occurred_at),
    max(occurred_at),
    count(*) filter (where human),
    min(occurred_at) filter (where human),
    max(occurred_at) filter (where human)
from staged_fresh
where kind = 2
group by tenant, message_id, item
order by tenant, message_id, item
on conflict (tenant, message_id, link_index) do update set
    clicks = l.clicks + excluded.clicks,
    first_clicked_at = least(l.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(l.last_clicked_at, excluded.last_clicked_at),
    human_clicks = l.human_clicks + excluded.human_clicks,
    human_first_clicked_at = least(l.human_first_clicked_at, excluded.human_first_clicked_at),
    human_last_clicked_at = greatest(l.human_last_clicked_at, excluded.human_last_clicked_at);
