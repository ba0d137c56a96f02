-- name: fold
-- All hits of the mails that became prepared after them: what their owner's figures and the facts have been waiting for. It
-- is read before the slice's own interactions are folded, message by message. Replies have waited elsewhere.
insert into staged_earlier (
    tenant, owner, followed, message_id, ref, kind, item, occurred_at, human, event_id, views, human_views
)
select
    tenant, owner, followed, message_id, ref, kind, item, occurred_at, human, event_id,
    case when kind = 3 and place = 1 then 1 else 0 end,
    case when kind = 3 and place = 1 and human then 1 else 0 end
from staged_late late
cross join lateral (
    select
        ref, kind, item, occurred_at, human, event_id,
        -- of the requests that are one view, a person's first
        row_number() over (
            partition by kind, item, ref, network, user_agent, occurred_at / 600000000
            order by human desc, event_id
        ) as place
    from interaction i
    where i.tenant = late.tenant and i.message_id = late.message_id
) hit;
