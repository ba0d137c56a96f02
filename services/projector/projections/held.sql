-- name: fold
-- Held mail: when it went out and when it was cancelled, the earliest each; the time it is to leave, the latest said. $1
-- is the lane.
insert into message as m (tenant, message_id, lane, handed_at, cancelled_at, rescheduled_at, scheduled_at)
select
    tenant, message_id, $1::smallint,
    min(occurred_at) filter (where type = 'sent'),
    min(occurred_at) filter (where type = 'cancelled'),
    max(occurred_at) filter (where type = 'rescheduled'),
    (array_agg(scheduled_at order by occurred_at desc, scheduled_at desc) filter (where type = 'rescheduled'))[1]
from staged_held
group by tenant, message_id
order by tenant, message_id
on conflict (tenant, message_id) do update set
    handed_at = least(m.handed_at, excluded.handed_at),
    cancelled_at = least(m.cancelled_at, excluded.cancelled_at),
    rescheduled_at = greatest(m.rescheduled_at, excluded.rescheduled_at),
    scheduled_at = case
        when excluded.rescheduled_at is null then m.scheduled_at
        when m.rescheduled_at is null then excluded.scheduled_at
        when (excluded.rescheduled_at, excluded.scheduled_at) > (m.rescheduled_at, m.scheduled_at)
        then excluded.scheduled_at
        else m.scheduled_at
    end;
