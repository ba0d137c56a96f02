-- name: fold
-- All hits of the mails that became prepared after them: what their owner's figures and the facts have been waiting for. It
-- is read before the slice's own interactions are folded. Replies have waited elsewhere.
insert into staged_earlier (
    tenant, owner, followed, message_id, ref, kind, item, occurred_at, human, event_id, views, human_views
)
select
    tenant, owner, followed, message_id, ref, kind, item, occurred_at, human, event_id,
    case when kind = 3 then (row_number() over each_view = 1)::int else 0 end,
    case when kind = 3 then (row_number() over each_view = 1 and human)::int else 0 end
from interaction join staged_late using (tenant, message_id)
-- of the requests that are one view, a person's first
window each_view as (
    partition by tenant, message_id, kind, item, ref, network, user_agent, occurred_at / 600000000
    order by human desc, event_id
);
