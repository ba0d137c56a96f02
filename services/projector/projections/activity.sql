-- name: fold
-- What a followed and prepared mail's interactions add to its owner's figures, by hour (UTC): the new ones, and those that
-- had come before their mail was prepared.
insert into staged_activity (
    tenant, owner, hour,
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
    tenant, owner, occurred_at / 3600000000,
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
from (
    select tenant, owner, kind, occurred_at, human, views, human_views
    from staged_fresh join staged_owned using (tenant, message_id)
    where followed
    union all
    select tenant, owner, kind, occurred_at, human, views, human_views
    from staged_earlier
    where followed
) counted
group by 1, 2, 3;
