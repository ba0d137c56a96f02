-- name: fold
-- Replies, bounces and complaints go into the history once. New replies, but for the sender's own, go on to the other read
-- models; a permanent bounce and a complaint mark their message. Returns the new ones by type, human and kind. $1 is the lane.
with inserted as (
    insert into correspondence (
        event_id, tenant, message_id, ref, type, occurred_at, human, author, rule, returns_at, permanent, status
    )
    select event_id, tenant, message_id, ref, type, occurred_at, human, author, rule, returns_at, permanent, status
    from staged_correspondence
    order by event_id
    on conflict (event_id) do nothing
    returning event_id, tenant, message_id, ref, type, occurred_at, human, author, permanent
),
fresh as (
    insert into staged_fresh (tenant, message_id, ref, kind, item, occurred_at, human, event_id)
    select tenant, message_id, ref, 4, null, occurred_at, human, event_id
    from inserted
    where type = 'reply' and author <> 'sender'
),
marked as (
    insert into message as m (tenant, message_id, lane, bounced_at, complained_at)
    select
        tenant, message_id, $1::smallint,
        min(occurred_at) filter (where type = 'bounce' and permanent),
        min(occurred_at) filter (where type = 'complaint')
    from inserted
    group by tenant, message_id
    order by tenant, message_id
    on conflict (tenant, message_id) do update set
        bounced_at = least(m.bounced_at, excluded.bounced_at),
        complained_at = least(m.complained_at, excluded.complained_at)
)
select
    type, human, case when type = 'reply' and author <> 'sender' then 4 end as kind, count(*) as fresh
from inserted
group by 1, 2, 3;
