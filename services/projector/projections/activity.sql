-- name: fold
-- What a followed and prepared mail's interactions add to its owner's figures, by hour (UTC): the new ones, and those that
-- had come before their mail was prepared.
insert into staged_activity (tenant, owner, hour, kind, human, happened, views, human_views, first_at, last_at)
select
    tenant, owner, occurred_at / 3600000000, kind, human,
    count(*), sum(views), sum(human_views), min(occurred_at), max(occurred_at)
from (
    select tenant, owner, kind, occurred_at, human, views, human_views
    from staged_fresh join staged_owned using (tenant, message_id)
    where followed
    union all
    select tenant, owner, kind, occurred_at, human, views, human_views
    from staged_earlier
    where followed
) counted
group by 1, 2, 3, 4, 5;
