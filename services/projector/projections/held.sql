-- name: fold
-- Held mail: when it went out and when it was cancelled, the earliest each; the time it is to leave, the latest said. A mail
-- whose day of sending that changes takes what became of it along.
with changed as (
    insert into message as m (tenant, message_id, handed_at, cancelled_at, rescheduled_at, scheduled_at)
    select
        tenant, message_id,
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
        end
    returning
        new.tenant, new.owner, new.prepared_at, new.followed, old.sent_at as left_at, new.sent_at as entered_at,
        new.opens, new.human_opens, new.clicks, new.human_clicks,
        new.attachment_views, new.human_attachment_views, new.replies, new.human_replies
)
insert into staged_cohort (
    tenant, day, owner, emails, followed_emails,
    opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
    viewed_emails, human_viewed_emails, replied_emails, human_replied_emails
)
select
    tenant, date '1970-01-01' + (at / 86400000000)::integer, owner, sign, sign * followed::int,
    sign * followed::int * (opens > 0)::int, sign * followed::int * (human_opens > 0)::int,
    sign * followed::int * (clicks > 0)::int, sign * followed::int * (human_clicks > 0)::int,
    sign * followed::int * (attachment_views > 0)::int, sign * followed::int * (human_attachment_views > 0)::int,
    sign * followed::int * (replies > 0)::int, sign * followed::int * (human_replies > 0)::int
from changed cross join lateral (values (-1, left_at), (1, entered_at)) moved (sign, at)
where prepared_at is not null and at is not null and left_at is distinct from entered_at;
